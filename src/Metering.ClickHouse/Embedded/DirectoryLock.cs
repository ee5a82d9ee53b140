using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>One process a directory: a file of ours, locked while the engine runs, that names its holder. The lock
/// goes with the process, also when it is killed.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private const string FileName = "metering.lock";

    // Beside it, for nobody else can read the locked file.
    private const string HolderName = "metering.pid";

    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <exception cref="LedgerException">Another engine has the directory, or it cannot be written.</exception>
    public static DirectoryLock Take(string directory)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            Directory.CreateDirectory(directory);
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(Path.Combine(directory, HolderName), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new DirectoryLock(file);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new LedgerException($"The ledger's directory {directory} cannot be written: {e.Message}", inner: e);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new LedgerException($"The ledger in {directory} is in use by another process ({Holder(directory)}): one process a directory. Stop that one, or choose another --data.", inner: e);
        }
        catch (IOException e)
        {
            throw new LedgerException($"The ledger's directory {directory} cannot be made: {e.Message}", inner: e);
        }
    }

    public void Dispose() => _file.Dispose();

    private static string Holder(string directory)
    {
        try
        {
            return "process " + File.ReadAllText(Path.Combine(directory, HolderName)).Trim();
        }
        catch (IOException)
        {
            return "its number is unknown";
        }
    }
}
