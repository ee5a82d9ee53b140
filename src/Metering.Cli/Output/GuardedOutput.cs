namespace Metering.Cli.Output;

/// <summary>Writes to standard output under a lock; when its reader has gone away, says so once and goes on without it.</summary>
internal sealed class GuardedOutput(TextWriter error)
{
    private readonly Lock _lock = new();
    private bool _gone;

    public void Write(Action write)
    {
        lock (_lock)
        {
            if (_gone)
                return;
            try
            {
                write();
            }
            catch (IOException e)
            {
                _gone = true;
                error.WriteLine($"metering: nobody reads standard output any more ({e.Message}); going on without it");
            }
        }
    }
}
