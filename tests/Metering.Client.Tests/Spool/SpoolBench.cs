using System.Text;
using Metering.Client.Spool;

namespace Metering.Client.Tests.Spool;

/// <summary>A spool in a folder of its own, opened and crashed as a test wants.</summary>
internal sealed class SpoolBench : IDisposable
{
    public const string Source = "unit/a";
    private readonly TempFolder _folder = new();
    private readonly RecordBuffer _buffer = new();

    public ListLogger Log { get; } = new();

    public SpoolOptions Options { get; init; } = new() { MaxBytes = 1 << 20, SegmentBytes = 1 << 17, Fsync = SpoolFsync.Never };

    public string DataFolder => _folder.Path;

    public string SpoolPath => Path.Combine(_folder.Path, "spool", SpoolFolder.Escape(Source));

    public string[] Segments => [.. Directory.GetFiles(SpoolPath, "*.wal").Order(StringComparer.Ordinal)];

    public EventSpool Open(long? epoch = null)
    {
        var spool = EventSpool.Open(_folder.Path, Source, Options, TimeProvider.System, Log);
        spool.Begin(epoch, schema: 7);
        return spool;
    }

    /// <summary>Appends an event whose payload tells its epoch and sequence, padded to a length.</summary>
    public SpoolAppendStatus Append(EventSpool spool, int payloadBytes = 40, long nowMicros = 1) =>
        Append(spool, _buffer, payloadBytes, nowMicros);

    public static SpoolAppendStatus Append(EventSpool spool, RecordBuffer buffer, int payloadBytes, long nowMicros)
    {
        buffer.Clear();
        var text = Encoding.UTF8.GetBytes(Text(spool.Account.Epoch, spool.NextSequence).PadRight(payloadBytes));
        text.CopyTo(buffer.GetSpan(text.Length));
        buffer.Advance(text.Length);
        return spool.Append(buffer.Record, SpoolRecordKind.Event, nowMicros, inputTokens: 2, outputTokens: 3, out _);
    }

    public static string Text(long epoch, long sequence) => FormattableString.Invariant($"{epoch}:{sequence}");

    /// <summary>Everything that a reader finds, as texts.</summary>
    public static List<string> ReadAll(EventSpool spool)
    {
        using var reader = spool.OpenReader();
        var found = new List<string>();
        while (reader.TryRead())
            found.Add(Encoding.UTF8.GetString(reader.Wire[5..]).TrimEnd());
        return found;
    }

    public static List<string> Texts(long epoch, long from, long to)
    {
        var texts = new List<string>();
        for (var sequence = from; sequence <= to; sequence++)
            texts.Add(Text(epoch, sequence));
        return texts;
    }

    public void Dispose() => _folder.Dispose();
}
