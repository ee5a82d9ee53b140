using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Groups;

/// <summary>A list of offsets as entries hold it.</summary>
internal static class OffsetEntry
{
    /// <summary>As Kafka's <c>offset.metadata.max.bytes</c>, which counts UTF-16 units in spite of its name.</summary>
    public const int MaxMetadataLength = 4_096;

    public static void Write(EntryWriter writer, IReadOnlyList<OffsetToCommit> offsets)
    {
        writer.Int32(offsets.Count);
        for (var i = 0; i < offsets.Count; i++)
        {
            var offset = offsets[i];
            writer.String(offset.Topic).Int32(offset.Partition).Int64(offset.Offset).Int32(offset.LeaderEpoch).String(offset.Metadata);
        }
    }

    public static OffsetToCommit[] Read(ref EntryReader reader)
    {
        var offsets = new OffsetToCommit[reader.Int32()];
        for (var i = 0; i < offsets.Length; i++)
            offsets[i] = new OffsetToCommit(reader.String()!, reader.Int32(), reader.Int64(), reader.Int32(), reader.String());
        return offsets;
    }

    /// <summary>Each offset's outcome, and those that may be committed.</summary>
    public static (ErrorCode[] Errors, IReadOnlyList<OffsetToCommit> Accepted) Check(
        IReadOnlyList<OffsetToCommit> offsets, Func<OffsetToCommit, ErrorCode>? also = null)
    {
        var errors = new ErrorCode[offsets.Count];
        var accepted = new List<OffsetToCommit>(offsets.Count);
        for (var i = 0; i < errors.Length; i++)
        {
            errors[i] = offsets[i].Metadata is { Length: > MaxMetadataLength } ? ErrorCode.OffsetMetadataTooLarge : also?.Invoke(offsets[i]) ?? ErrorCode.None;
            if (errors[i] == ErrorCode.None)
                accepted.Add(offsets[i]);
        }
        return (errors, accepted);
    }
}
