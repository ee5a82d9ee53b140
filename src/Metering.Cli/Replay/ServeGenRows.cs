using Metering.Cli.Workload;
using Metering.Events;

namespace Metering.Cli.Replay;

/// <summary>
/// Requests sampled from ServeGen's parameters: all clients' streams merged in order of time, one request of each held at
/// once. Seeded; the same tables, options and seed give the same requests.
/// </summary>
internal sealed class ServeGenRows : ITraceRows
{
    private readonly PriorityQueue<ServeGenStream, (long AtMicros, int Order)> _next = new();

    public ServeGenRows(ServeGenTables tables, TraceOptions options)
    {
        for (var i = 0; i < tables.Clients.Count; i++)
        {
            var random = SeededRandom.For(options.Seed, (ulong)i);
            var stream = new ServeGenStream(tables.Clients[i], (double)options.ServeGenRate, random);
            if (stream.TryAdvance(out var atMicros))
                _next.Enqueue(stream, (atMicros, i));
        }
    }

    public TraceFormat Format => TraceFormat.ServeGen;

    public bool TryRead(TokenEvent into, out long atMicros)
    {
        if (!_next.TryPeek(out var stream, out var place))
        {
            atMicros = 0;
            return false;
        }
        atMicros = place.AtMicros;
        (into.InputTokens, into.OutputTokens, into.ReasoningTokens) = stream.SampleSizes(atMicros);
        into.Model = into.ServedModel = stream.Model;
        into.Tenant = $"{stream.Model}-client-{stream.Client}";
        if (stream.TryAdvance(out var following))
            _next.DequeueEnqueue(stream, (following, place.Order));
        else
            _next.Dequeue();
        return true;
    }

    public void Dispose()
    {
        // The tables are in memory; their files were closed when they were read.
    }
}
