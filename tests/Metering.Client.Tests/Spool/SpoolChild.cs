using System.Globalization;
using Metering.Client.Spool;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Client.Tests.Spool;

/// <summary>
/// What the kill test kills: appends events and settles some, and says on standard output, a line each, what has returned:
/// <c>epoch E</c>, <c>appended S</c>, <c>settling E S</c>, <c>settled E S</c>.
/// </summary>
internal static class SpoolChild
{
    public static readonly SpoolOptions Options = new() { MaxBytes = 256 << 20, SegmentBytes = 16 << 10, Fsync = SpoolFsync.Interval };

    public static int Run(string folder, int seed)
    {
        var random = new Random(seed);
        using var output = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 64) { AutoFlush = true };
        using var spool = EventSpool.Open(folder, SpoolBench.Source, Options, TimeProvider.System, NullLogger.Instance);
        spool.Begin(null, schema: 7);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {spool.Account.Epoch}"));
        using var reader = spool.OpenReader();
        var buffer = new RecordBuffer();
        while (true)
        {
            SpoolBench.Append(spool, buffer, random.Next(30, 900), nowMicros: 1);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"appended {spool.NextSequence - 1}"));
            if (random.Next(20) == 0)
                SettleSome(spool, reader, random.Next(1, 20), output);
        }
    }

    private static void SettleSome(EventSpool spool, SpoolReader reader, int events, StreamWriter output)
    {
        var read = 0;
        while (read < events && reader.TryRead())
            read++;
        var position = reader.Position;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"settling {position.Epoch} {position.Sequence}"));
        // As the sender does before its cursor moves.
        spool.Book.Find(position.Epoch)?.Settled(position.Sequence);
        spool.Settle(position, read);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"settled {position.Epoch} {position.Sequence}"));
    }
}
