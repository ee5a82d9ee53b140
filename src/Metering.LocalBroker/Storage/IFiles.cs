namespace Metering.LocalBroker.Storage;

/// <summary>The disk: the real one, or in tests one that loses power. Any thread. All failures are IOExceptions.</summary>
internal interface IFiles
{
    /// <summary>A new file, or an old one emptied; for reading and writing.</summary>
    IFile Create(string path);

    /// <exception cref="FileNotFoundException">There is none; the same when its folder is missing.</exception>
    IFile Open(string path);

    bool Exists(string path);

    /// <summary>Nothing happens when it is not there.</summary>
    void Delete(string path);

    /// <summary>Replaces what has the new name.</summary>
    void Rename(string from, string to);

    void CreateFolder(string path);

    /// <summary>With the files in it. Nothing happens when it is not there.</summary>
    void DeleteFolder(string path);

    /// <summary>Names of the files in a folder; none when it is missing.</summary>
    IReadOnlyList<string> Files(string folder);

    /// <summary>Names of the folders in a folder.</summary>
    IReadOnlyList<string> Folders(string folder);

    /// <summary>Makes the names in a folder durable.</summary>
    void SyncFolder(string path);

    /// <summary>What may still be written.</summary>
    long FreeBytes(string folder);

    /// <exception cref="IOException">Another process holds it.</exception>
    IDisposable Lock(string path);
}

internal interface IFile : IDisposable
{
    long Length { get; }

    /// <returns>Fewer than asked for only at the end of the file.</returns>
    int Read(Span<byte> to, long offset);

    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Makes what was written durable (fdatasync).</summary>
    void Sync();

    void SetLength(long length);
}
