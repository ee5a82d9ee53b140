using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>The offsets of OffsetCommit and TxnOffsetCommit: read in the same form, and answered partition by partition in the same
/// order. Those of partitions that there are not never reach a coordinator.</summary>
internal sealed class OffsetsToCommit
{
    private readonly List<(string Topic, int Partitions)> _topics;
    private readonly List<OffsetToCommit> _offsets = [];
    private readonly List<ErrorCode> _errors = [];

    private OffsetsToCommit(List<(string, int)> topics) => _topics = topics;

    /// <param name="withLeaderEpoch">The version says which leader's records the offset is behind.</param>
    public static OffsetsToCommit Read(ref ProtocolReader request, bool withLeaderEpoch)
    {
        var topics = request.Array();
        var read = new OffsetsToCommit(new List<(string, int)>(topics));
        for (var i = 0; i < topics; i++)
        {
            var topic = request.String();
            var partitions = request.Array();
            read._topics.Add((topic, partitions));
            for (var j = 0; j < partitions; j++)
            {
                var partition = request.Int32();
                var offset = request.Int64();
                var leaderEpoch = withLeaderEpoch ? request.Int32() : -1;
                read._offsets.Add(new OffsetToCommit(topic, partition, offset, leaderEpoch, request.NullableString()));
                request.Tags();
            }
            request.Tags();
        }
        return read;
    }

    /// <param name="commit">Called with the offsets whose partitions exist.</param>
    /// <returns>The entry to wait for.</returns>
    public long Commit(BrokerState? state, Func<BrokerState, IReadOnlyList<OffsetToCommit>, CommitAnswer> commit)
    {
        _errors.Clear();
        if (state is null)
        {
            Fill(ErrorCode.CoordinatorNotAvailable);
            return 0;
        }
        var known = new List<OffsetToCommit>(_offsets.Count);
        lock (state.Gate)
        {
            foreach (var offset in _offsets)
            {
                var exists = state.Topics.Find(offset.Topic, offset.Partition) is not null;
                _errors.Add(exists ? ErrorCode.None : ErrorCode.UnknownTopicOrPartition);
                if (exists)
                    known.Add(offset);
            }
        }
        var answer = commit(state, known);
        if (answer.Error != ErrorCode.None)
        {
            Fill(answer.Error);
            return answer.Entry;
        }
        var next = 0;
        for (var i = 0; i < _errors.Count; i++)
        {
            if (_errors[i] == ErrorCode.None)
                _errors[i] = answer.Partitions[next++];
        }
        return answer.Entry;
    }

    /// <param name="known">Makes an error one that the version knows.</param>
    public void WriteResults(ProtocolWriter reply, Func<ErrorCode, ErrorCode> known)
    {
        reply.Array(_topics.Count);
        var index = 0;
        foreach (var (topic, partitions) in _topics)
        {
            reply.String(topic);
            reply.Array(partitions);
            for (var end = index + partitions; index < end; index++)
            {
                reply.Int32(_offsets[index].Partition);
                reply.Error(known(_errors[index]), ErrorCode.CoordinatorNotAvailable);
                reply.Tags();
            }
            reply.Tags();
        }
    }

    private void Fill(ErrorCode error)
    {
        _errors.Clear();
        for (var i = 0; i < _offsets.Count; i++)
            _errors.Add(error);
    }
}
