using Metering.LocalBroker.Log;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// What applying an entry does to segments. In normal work the journal carries it out once it has the entry; at recovery,
/// where the journal has it already, it is carried out at once.
/// </summary>
internal interface ISegmentWrites
{
    /// <param name="bytes">Valid until the call returns.</param>
    void Write(Segment segment, long position, ReadOnlySpan<byte> bytes);

    /// <summary>The file goes once the entry cannot be lost any more.</summary>
    void Remove(Segment segment);

    /// <summary>All of a deleted topic's partition; before anything is written under the same name again.</summary>
    void RemoveFolder(PartitionLog log);

    /// <summary>The log's end or stable offset moved.</summary>
    void Changed(PartitionLog log);
}
