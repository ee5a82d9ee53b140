using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Transactions;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// Everything that the broker knows, behind one gate, and the journal that it comes back from. The gate is never held
/// across a wait or a read of the disk. When the disk fails the whole state is dropped and recovered from the journal, as
/// after a crash.
/// </summary>
internal sealed class BrokerState
{
    public Lock Gate { get; } = new();

    public IJournal Journal => throw new NotSupportedException();

    public TopicTable Topics => throw new NotSupportedException();

    public OffsetTable Offsets => throw new NotSupportedException();

    public GroupCoordinator Groups => throw new NotSupportedException();

    public TransactionCoordinator Transactions => throw new NotSupportedException();

    /// <summary>Made once, at the first start in a directory.</summary>
    public string ClusterId => throw new NotSupportedException();
}
