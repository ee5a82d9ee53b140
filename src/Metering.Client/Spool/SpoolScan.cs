namespace Metering.Client.Spool;

/// <summary>What a look through one segment found.</summary>
/// <param name="End">Where its last whole record ends.</param>
/// <param name="Last">Its last whole record.</param>
/// <param name="TornBytes">Bytes after the last whole record: an append that the crash cut off.</param>
/// <param name="Damages">Stretches in the middle that are no records.</param>
internal sealed record SpoolScan(long End, SpoolRecordHead? Last, long TornBytes, int Damages)
{
    /// <summary>Reads a whole segment's records. What follows the last whole record is torn; what precedes one is damage.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="segment">Its number.</param>
    /// <param name="open">Takes the records of requests.</param>
    /// <param name="schema">For these: the fingerprint in the segment's header.</param>
    public static SpoolScan Of(ReadOnlySpan<byte> file, long segment, OpenRequests? open = null, ulong schema = 0)
    {
        var offset = SpoolSegment.DataStart;
        SpoolRecordHead? last = null;
        var damages = 0;
        while (offset < file.Length)
        {
            if (SpoolRecord.Read(file[offset..], segment, out var head, out var recordBytes) == SpoolRecordState.Whole)
            {
                last = head;
                open?.Take(head, file.Slice(offset + SpoolRecord.HeadBytes, recordBytes - SpoolRecord.HeadBytes), schema);
                offset += recordBytes;
                continue;
            }
            var next = SpoolRecord.FindNext(file, offset, segment);
            if (next < 0)
                break;
            damages++;
            offset = next;
        }
        return new SpoolScan(offset, last, Math.Max(0, file.Length - offset), damages);
    }
}
