using Metering.Cli.Commands;

namespace Metering.Cli.Hosting;

/// <summary>One <c>up</c> a data folder: the lock ends with the process, however it ends.</summary>
internal sealed class DataFolderLock : IDisposable
{
    private readonly FileStream _file;

    private DataFolderLock(FileStream file) => _file = file;

    /// <exception cref="CommandFailedException">Another process holds it, or it cannot be written.</exception>
    public static DataFolderLock Take(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new DataFolderLock(new FileStream(Path.Combine(folder, "up.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"the data folder {folder} cannot be used: {error.Message} Is another metering up running on it? Give each a folder of its own by --data.", error);
        }
    }

    public void Dispose() => _file.Dispose();
}
