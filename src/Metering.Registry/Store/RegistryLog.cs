using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Metering.Registry.Store;

/// <summary>
/// The registry's file: an append-only log of lines, each on disk before its change is answered for. What a crash left
/// half written at the end is cut at the start; anything else that is not as it was written stops the start, since ids in
/// messages would point nowhere. Not thread-safe: the store holds its gate around every call.
/// </summary>
internal sealed partial class RegistryLog : IDisposable
{
    public const string FileName = "registry.log";
    private const string LockName = "registry.lock";

    private readonly SafeFileHandle _lock;
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private long _length;
    private bool _broken;

    private RegistryLog(SafeFileHandle folderLock, SafeFileHandle file, string path)
    {
        _lock = folderLock;
        _file = file;
        _path = path;
    }

    /// <exception cref="IOException">Another process has the folder, or it cannot be written.</exception>
    /// <exception cref="RegistryCorruptException">A line that had been acknowledged is damaged.</exception>
    public static RegistryLog Open(string folder, Action<LogEntry> replay, ILogger logger)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, FileName);
        // Two registries on one folder would give one id twice. A file of its own, so that the log can be read and copied.
        var folderLock = File.OpenHandle(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        SafeFileHandle file;
        var isNew = !File.Exists(path);
        try
        {
            file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
        var log = new RegistryLog(folderLock, file, path);
        try
        {
            if (isNew)
                FolderSync.Sync(folder);
            log.Replay(replay, logger);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Returns once the entry is on disk; throws when it is not, and then it is not in the log either.</summary>
    public void Append(LogEntry entry)
    {
        if (_broken)
            throw new IOException($"{_path} could not be written before and takes nothing more; restart once the disk is well");
        var line = LogLine.Encode(entry);
        try
        {
            RandomAccess.Write(_file, line, _length);
        }
        catch (IOException)
        {
            _broken = !TryTakeBack(); // A disk that is full is a wait: when there is room again, the registry goes on.
            throw;
        }
        try
        {
            RandomAccess.FlushToDisk(_file);
        }
        catch (IOException)
        {
            _broken = true; // After a failed fsync nobody knows what is on disk; only reading it again tells.
            throw;
        }
        _length += line.Length;
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private bool TryTakeBack()
    {
        try
        {
            RandomAccess.SetLength(_file, _length);
            return true;
        }
        catch (IOException)
        {
            return false; // The next append says what to do; the caller throws what went wrong first.
        }
    }

    private void Replay(Action<LogEntry> replay, ILogger logger)
    {
        var bytes = new byte[RandomAccess.GetLength(_file)];
        for (var read = 0; read < bytes.Length;)
        {
            var got = RandomAccess.Read(_file, bytes.AsSpan(read), read);
            if (got == 0)
                throw new IOException($"{_path} became shorter while it was read");
            read += got;
        }
        while (_length < bytes.Length)
        {
            var rest = bytes.AsSpan((int)_length);
            var end = rest.IndexOf((byte)'\n');
            if (end < 0 || LogLine.TryDecode(rest[..end]) is not { } entry)
            {
                CutTail(rest, end, logger);
                return;
            }
            replay(entry);
            _length += end + 1;
        }
    }

    // An unacknowledged write ends without its line feed, or, after a power cut, with sectors that never arrived: zeros,
    // which JSON has none of. A whole line with another fault was acknowledged: cutting it would lose a schema in silence.
    private void CutTail(ReadOnlySpan<byte> rest, int end, ILogger logger)
    {
        var nothingAfter = end < 0 || rest[(end + 1)..].IndexOfAnyExcept((byte)0, (byte)'\n') < 0;
        var torn = end < 0 || rest[..end].Contains((byte)0);
        if (!(nothingAfter && torn))
            throw new RegistryCorruptException($"{_path}: the line at byte {_length} is not as it was written (disk fault, edit, or a newer program's entry). " +
                "Put back a copy of the file, or cut it at that byte to give up this and all later changes.");
        LogTailCut(logger, _path, rest.Length, _length);
        RandomAccess.SetLength(_file, _length);
        RandomAccess.FlushToDisk(_file);
    }

    [LoggerMessage(EventId = 8001, Level = LogLevel.Warning, Message = "{Path}: cut {TornBytes} bytes of an unfinished write at byte {Length}; nothing acknowledged was in them")]
    private static partial void LogTailCut(ILogger logger, string path, int tornBytes, long length);
}
