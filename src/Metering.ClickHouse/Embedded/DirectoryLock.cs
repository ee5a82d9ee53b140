using System.Globalization;
using System.Text;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>One process a directory: a file of ours, locked while the engine runs, that names its holder. The lock
/// goes with the process, also when it is killed.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private const string FileName = "metering.lock";

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
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            file.Flush();
            return new DirectoryLock(file);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new LedgerException($"The ledger's directory {directory} cannot be written: {e.Message}", inner: e);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new LedgerException($"The ledger in {directory} is in use by another process ({Holder(path)}): one process a directory. Stop that one, or choose another --data.", inner: e);
        }
        catch (IOException e)
        {
            throw new LedgerException($"The ledger's directory {directory} cannot be made: {e.Message}", inner: e);
        }
    }

    public void Dispose() => _file.Dispose();

    private static string Holder(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(file, Encoding.ASCII);
            return "process " + reader.ReadToEnd().Trim();
        }
        catch (IOException)
        {
            return "its number is unknown";
        }
    }
}
