using Confluent.SchemaRegistry;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Control;

/// <summary>Decodes on a reader's own thread, which waits for a registry that is away, and believes it after ten seconds when it
/// knows no such schema (R16). For one thread.</summary>
internal sealed class PatientDecoder<T>(Func<int, CancellationToken, Task<string?>> schemas, TimeProvider time, ILogger log, CancellationToken stop)
    where T : class, IAvroRecord<T>, new()
{
    private static readonly TimeSpan UnknownAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(500);

    private readonly RecordDecoder<T> _decoder = new(schemas);

    /// <summary>Null when the record is none of ours, which is said in the log.</summary>
    /// <exception cref="OperationCanceledException">Told to stop while the registry was away.</exception>
    public T? Decode(string topic, string key, byte[] value)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                // Nothing else waits for this thread.
                return _decoder.DecodeAsync(value, stop).GetAwaiter().GetResult();
            }
            catch (UnknownSchemaException e) when (time.GetElapsedTime(began) < UnknownAfter)
            {
                ClientLog.ControlAway(log, "the registry", e.Message);
            }
            catch (Exception e) when (e is InvalidDataException or UnknownSchemaException)
            {
                ClientLog.BadControl(log, topic, key, e.Message);
                return null;
            }
            catch (Exception e) when (e is HttpRequestException or SchemaRegistryException or TaskCanceledException && !stop.IsCancellationRequested)
            {
                ClientLog.ControlAway(log, "the registry", e.Message);
                began = time.GetTimestamp(); // silence is not a 404
            }
            stop.WaitHandle.WaitOne(TryAgainAfter);
            stop.ThrowIfCancellationRequested();
        }
    }
}
