using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Sending;

/// <summary>
/// Ids of the schemas in use, asked for in the background until the registry answers: a registry that is away delays
/// sending and refuses no event (R16).
/// </summary>
internal sealed class SchemaIds(ISchemaCatalog catalog, string subject, Func<ulong, string> load, TimeProvider clock, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<ulong, int> _ids = new();
    private readonly ConcurrentDictionary<ulong, Task> _searches = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Why there is no id yet, or null.</summary>
    public string? Trouble { get; private set; }

    /// <summary>The id, or false: then it is being asked for.</summary>
    public bool TryGet(ulong fingerprint, out int id)
    {
        if (_ids.TryGetValue(fingerprint, out id))
            return true;
        _ = _searches.GetOrAdd(fingerprint, SearchAsync);
        return false;
    }

    private async Task SearchAsync(ulong fingerprint)
    {
        await Task.Yield();
        var pause = FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ids[fingerprint] = await catalog.GetIdAsync(subject, load(fingerprint)).WaitAsync(_stop.Token);
                Trouble = null;
                return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is (away, refused, no right): events wait in the spool, and somebody is told.
                Trouble = $"no schema id for {subject}: {e.Message}";
                ClientLog.NoSchemaId(log, subject, e.Message);
            }
            await Task.Delay(pause, clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_searches.Values);
        _stop.Dispose();
    }
}
