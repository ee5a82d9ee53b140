using System.Buffers.Binary;

namespace Metering.Client.Spool;

/// <summary>
/// The requests that are open by the spool's records up to some place (R4): recovery rebuilds them from the segments, the
/// appender keeps them, and each new segment begins with them, so that the segments before it may go. Under the appender's lock.
/// </summary>
internal sealed class OpenRequests
{
    private readonly Dictionary<long, OpenRequest> _open = [];

    public int Count => _open.Count;

    public IEnumerable<OpenRequest> All => _open.Values.OrderBy(static r => r.Number);

    public bool Contains(long number) => _open.ContainsKey(number);

    public void Remove(long number) => _open.Remove(number);

    /// <summary>Takes a record into account, whole or as it was appended.</summary>
    /// <param name="head">Its head.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="schema">The fingerprint of the schema of its segment's events.</param>
    public void Take(in SpoolRecordHead head, ReadOnlySpan<byte> payload, ulong schema)
    {
        switch (head.Kind)
        {
            case SpoolRecordKind.Opened when payload.Length >= RequestRecord.OpenedBytes:
                // A copy says its own schema: its segment may be of a later version.
                var opened = RequestRecord.ReadOpened(payload);
                _open[opened.Number] = new OpenRequest(opened.Number, payload.ToArray(), opened.Schema == 0 ? schema : opened.Schema, head.AppendedAtMicros);
                break;
            case SpoolRecordKind.Progress when payload.Length == RequestRecord.ProgressBytes:
                var progress = RequestRecord.ReadProgress(payload);
                if (_open.TryGetValue(progress.Number, out var request))
                    request.Progressed(progress.InputTokens, progress.OutputTokens, head.AppendedAtMicros);
                break;
            case SpoolRecordKind.ClosingEvent when payload.Length > RequestRecord.TrailerBytes:
                _open.Remove(BinaryPrimitives.ReadInt64LittleEndian(payload[^RequestRecord.TrailerBytes..]));
                break;
        }
    }

    /// <summary>All of it as records for the beginning of a segment, and a last one that says so; nothing when none is open.</summary>
    public byte[] Copies(long segment, in SpoolRecordHead sums)
    {
        if (_open.Count == 0)
            return [];
        var bytes = new MemoryStream();
        foreach (var request in All)
        {
            var opened = request.Opened.ToArray();
            RequestRecord.WriteSchema(opened, request.Schema);
            bytes.Write(Seal(opened, SpoolRecordKind.Opened, request.OpenedAtMicros, segment, sums));
            if (request.OutputTokens < 0 && request.InputTokens < 0)
                continue;
            var progress = new byte[RequestRecord.ProgressBytes];
            RequestRecord.WriteProgress(progress, request.Number, request.InputTokens, request.OutputTokens);
            bytes.Write(Seal(progress, SpoolRecordKind.Progress, request.LastSeenMicros, segment, sums));
        }
        bytes.Write(Seal([], SpoolRecordKind.Carried, sums.AppendedAtMicros, segment, sums));
        return bytes.ToArray();
    }

    /// <summary>Whether a segment's records tell all that was open when it began: a crash in the middle of its copies leaves the rest
    /// to the segments before it.</summary>
    public static bool AreAllCarriedInto(ReadOnlySpan<byte> file, long segment)
    {
        for (var offset = SpoolSegment.DataStart; SpoolRecord.Read(file[Math.Min(offset, file.Length)..], segment, out var head, out var recordBytes) == SpoolRecordState.Whole; offset += recordBytes)
        {
            var isCopy = head.Kind == SpoolRecordKind.Progress
                || (head.Kind == SpoolRecordKind.Opened && recordBytes >= SpoolRecord.HeadBytes + RequestRecord.OpenedBytes
                    && RequestRecord.ReadOpened(file[(offset + SpoolRecord.HeadBytes)..]).Schema != 0);
            if (!isCopy)
                return true;
        }
        return false;
    }

    private static byte[] Seal(ReadOnlySpan<byte> payload, SpoolRecordKind kind, long atMicros, long segment, in SpoolRecordHead sums)
    {
        var record = new byte[SpoolRecord.HeadBytes + payload.Length];
        payload.CopyTo(record.AsSpan(SpoolRecord.HeadBytes));
        SpoolRecord.Seal(record, segment, sums with { Kind = kind, AppendedAtMicros = atMicros });
        return record;
    }
}

/// <summary>One request that is open.</summary>
/// <param name="number">Unique in the spool.</param>
/// <param name="opened">The payload of its record.</param>
/// <param name="schema">The fingerprint of the schema that its draft was written with.</param>
/// <param name="openedAtMicros">When it was opened.</param>
internal sealed class OpenRequest(long number, byte[] opened, ulong schema, long openedAtMicros)
{
    public long Number => number;

    public ReadOnlySpan<byte> Opened => opened;

    public ulong Schema => schema;

    public long OpenedAtMicros { get; } = openedAtMicros;

    public long LastSeenMicros { get; private set; } = openedAtMicros;

    /// <summary>-1 = no progress was made.</summary>
    public long InputTokens { get; private set; } = -1;

    /// <summary>-1 = no progress was made.</summary>
    public long OutputTokens { get; private set; } = -1;

    public void Progressed(long inputTokens, long outputTokens, long atMicros) =>
        (InputTokens, OutputTokens, LastSeenMicros) = (inputTokens, outputTokens, atMicros);
}
