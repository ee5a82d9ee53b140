using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Client.Spool;

/// <summary>A source's own folder, held by one process at a time.</summary>
internal sealed class SpoolFolder : IDisposable
{
    private readonly FileStream _lock;

    private SpoolFolder(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    public string Path { get; }

    /// <summary>Creates the folder where it is missing, and locks it.</summary>
    /// <exception cref="SpoolInUseException">Another publisher of this machine has it.</exception>
    public static SpoolFolder Take(string dataFolder, string source)
    {
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(dataFolder, "spool", Escape(source)));
        Directory.CreateDirectory(path);
        var held = Lock(path, source);
        try
        {
            CheckOwner(System.IO.Path.Combine(path, "source"), source);
            File.WriteAllText(System.IO.Path.Combine(path, "owner"), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            DurableFile.SyncFolder(System.IO.Path.GetDirectoryName(path)!);
            return new SpoolFolder(path, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>A file name for any source: letters, digits, '.', '_' and '-' stay, other bytes are %XX, a long one ends in a hash.</summary>
    public static string Escape(string source)
    {
        var name = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(source))
        {
            var plain = char.IsAsciiLetterOrDigit((char)b) || b is (byte)'_' or (byte)'-' || (b == '.' && name.Length > 0);
            name.Append(plain ? ((char)b).ToString() : "%" + b.ToString("X2", CultureInfo.InvariantCulture));
        }
        if (name.Length <= 120)
            return name.ToString();
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)))[..24];
        return string.Concat(name.ToString().AsSpan(0, 90), "~", hash);
    }

    public void Dispose() => _lock.Dispose();

    // The lock belongs to the open file: the system releases it however the process ends.
    private static FileStream Lock(string path, string source)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
        {
            throw new SpoolInUseException(path, source, ReadOwner(path), e);
        }
    }

    private static string ReadOwner(string path)
    {
        try
        {
            return "process " + File.ReadAllText(System.IO.Path.Combine(path, "owner"));
        }
        catch (IOException)
        {
            return "another process";
        }
    }

    // File systems that fold case would let two sources meet in one folder.
    private static void CheckOwner(string file, string source)
    {
        if (!File.Exists(file))
        {
            DurableFile.Replace(file, Encoding.UTF8.GetBytes(source));
            return;
        }
        var owner = File.ReadAllText(file);
        if (!string.Equals(owner, source, StringComparison.Ordinal))
            throw new InvalidOperationException($"the spool folder of source '{source}' belongs to source '{owner}' ({file}): rename one of them or give them different data folders");
    }
}

/// <summary>Another publisher on this machine has the source's spool: two publishers need two source names, or two data folders.</summary>
public sealed class SpoolInUseException : IOException
{
    internal SpoolInUseException(string folder, string source, string owner, Exception inner)
        : base($"the spool of source '{source}' ({folder}) is in use by {owner}: stop that one, or give this publisher another Source or DataFolder", inner)
    {
    }
}
