using Metering.LocalBroker.Calls;

namespace Metering.LocalBroker.Wire;

/// <summary>
/// Every call and its versions: what ApiVersions tells is this table. Where a newer version only adds what one broker without
/// replicas, quotas and incremental fetches has not, the older one that all clients speak is enough.
/// </summary>
internal static class CallTable
{
    /// <summary>Before <see cref="Calls"/>, and above the rest: contexts begin with it.</summary>
    public static readonly ApiCall ApiVersions = new(ApiKey.ApiVersions, 0, 3, 3) { AtOnce = ApiVersionsCall.Answer };

    public static readonly IReadOnlyList<ApiCall> Calls =
    [
        // Versions 0-2 decode too, since librdkafka takes a broker without them for one without compression; their
        // message formats are refused by name.
        new(ApiKey.Produce, 0, 9, 9) { AtOnce = ProduceCall.Answer },
        new(ApiKey.Fetch, 4, 13, 12) { Later = FetchCall.AnswerAsync },
        new(ApiKey.ListOffsets, 1, 7, 6) { AtOnce = ListOffsetsCall.Answer },
        new(ApiKey.Metadata, 0, 12, 9) { AtOnce = MetadataCall.Answer },
        new(ApiKey.OffsetCommit, 2, 8, 8) { AtOnce = OffsetCommitCall.Answer },
        new(ApiKey.OffsetFetch, 1, 9, 6) { AtOnce = OffsetFetchCall.Answer },
        new(ApiKey.FindCoordinator, 0, 5, 3) { AtOnce = FindCoordinatorCall.Answer },
        new(ApiKey.JoinGroup, 0, 9, 6) { Later = JoinGroupCall.AnswerAsync },
        new(ApiKey.Heartbeat, 0, 4, 4) { AtOnce = HeartbeatCall.Answer },
        new(ApiKey.LeaveGroup, 0, 5, 4) { AtOnce = LeaveGroupCall.Answer },
        new(ApiKey.SyncGroup, 0, 5, 4) { Later = SyncGroupCall.AnswerAsync },
        new(ApiKey.DescribeGroups, 0, 5, 5) { AtOnce = DescribeGroupsCall.Answer },
        new(ApiKey.ListGroups, 0, 5, 3) { AtOnce = ListGroupsCall.Answer },
        new(ApiKey.SaslHandshake, 0, 1, ApiCall.Never) { AtOnce = SaslHandshakeCall.Answer },
        ApiVersions,
        new(ApiKey.CreateTopics, 2, 7, 5) { AtOnce = CreateTopicsCall.Answer },
        new(ApiKey.DeleteTopics, 1, 6, 4) { AtOnce = DeleteTopicsCall.Answer },
        new(ApiKey.DeleteRecords, 0, 2, 2) { AtOnce = DeleteRecordsCall.Answer },
        new(ApiKey.InitProducerId, 0, 4, 2) { AtOnce = InitProducerIdCall.Answer },
        new(ApiKey.OffsetForLeaderEpoch, 2, 4, 4) { AtOnce = OffsetForLeaderEpochCall.Answer },
        new(ApiKey.AddPartitionsToTxn, 0, 3, 3) { AtOnce = AddPartitionsToTxnCall.Answer },
        new(ApiKey.AddOffsetsToTxn, 0, 3, 3) { AtOnce = AddOffsetsToTxnCall.Answer },
        new(ApiKey.EndTxn, 0, 3, 3) { AtOnce = EndTxnCall.Answer },
        new(ApiKey.TxnOffsetCommit, 0, 3, 3) { AtOnce = TxnOffsetCommitCall.Answer },
        new(ApiKey.DescribeConfigs, 1, 4, 4) { AtOnce = DescribeConfigsCall.Answer },
        new(ApiKey.SaslAuthenticate, 0, 2, 2) { AtOnce = SaslAuthenticateCall.Answer },
        new(ApiKey.CreatePartitions, 0, 3, 2) { AtOnce = CreatePartitionsCall.Answer },
        new(ApiKey.DeleteGroups, 0, 2, 2) { AtOnce = DeleteGroupsCall.Answer },
        new(ApiKey.IncrementalAlterConfigs, 0, 1, 1) { AtOnce = IncrementalAlterConfigsCall.Answer },
        new(ApiKey.DescribeCluster, 0, 1, 0) { AtOnce = DescribeClusterCall.Answer },
        new(ApiKey.DescribeProducers, 0, 0, 0) { AtOnce = DescribeProducersCall.Answer },
        new(ApiKey.DescribeTransactions, 0, 0, 0) { AtOnce = DescribeTransactionsCall.Answer },
        new(ApiKey.ListTransactions, 0, 1, 0) { AtOnce = ListTransactionsCall.Answer },
    ];

    private static readonly ApiCall?[] ByKey = Index();

    public static ApiCall? Find(short key) => (uint)key < (uint)ByKey.Length ? ByKey[key] : null;

    private static ApiCall?[] Index()
    {
        var byKey = new ApiCall?[(int)Calls.Max(call => call.Key) + 1];
        foreach (var call in Calls)
            byKey[(int)call.Key] = call;
        return byKey;
    }
}
