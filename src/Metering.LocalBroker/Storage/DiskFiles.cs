using System.Runtime.InteropServices;
using Metering.Client.Spool;
using Microsoft.Win32.SafeHandles;

namespace Metering.LocalBroker.Storage;

/// <summary>The real disk.</summary>
internal sealed partial class DiskFiles : IFiles
{
    public static DiskFiles Instance { get; } = new();

    // Files are shared without locks: the broker's lock file keeps other processes out, and a segment may go while it is read.
    private const FileShare Shared = FileShare.ReadWrite | FileShare.Delete;

    public IFile Create(string path) => new DiskFile(File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, Shared));

    public IFile Open(string path)
    {
        try
        {
            return new DiskFile(File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, Shared));
        }
        catch (DirectoryNotFoundException missing)
        {
            throw new FileNotFoundException(missing.Message, path, missing);
        }
    }

    public bool Exists(string path) => File.Exists(path);

    public void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // as good as deleted
        }
    }

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public void CreateFolder(string path) => Directory.CreateDirectory(path);

    public void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }

    public IReadOnlyList<string> Files(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))] : [];

    public IReadOnlyList<string> Folders(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path))] : [];

    public void SyncFolder(string path) => DurableFile.SyncFolder(path);

    public long FreeBytes(string folder) => new DriveInfo(folder).AvailableFreeSpace;

    public IDisposable Lock(string path) => File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private sealed partial class DiskFile(SafeFileHandle handle) : IFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(Span<byte> to, long offset)
        {
            var count = 0;
            while (count < to.Length)
            {
                var read = RandomAccess.Read(handle, to[count..], offset + count);
                if (read == 0)
                    break;
                count += read;
            }
            return count;
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(handle, bytes, offset);

        public void Sync()
        {
            // fsync (what FlushToDisk calls) writes the modification time too: a second write to the disk for each commit.
            if (!OperatingSystem.IsLinux())
                RandomAccess.FlushToDisk(handle);
            else if (DataSync(handle) != 0)
                throw new IOException($"fdatasync failed: errno {Marshal.GetLastPInvokeError()}");
        }

        public void SetLength(long length) => RandomAccess.SetLength(handle, length);

        public void Dispose() => handle.Dispose();

        [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
        private static partial int DataSync(SafeFileHandle descriptor);
    }
}
