using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Calls;

public sealed class OffsetCallsTests : IAsyncLifetime
{
    private Broker _broker = null!;

    public async ValueTask InitializeAsync()
    {
        _broker = await Broker.OpenAsync();
        _broker.CreateTopic("t", 2);
        await _broker.ProduceAsync("t", Broker.Batch("a", timestampMs: 1_700_000_000_300));
        await _broker.ProduceAsync("t", Broker.Batch("b", timestampMs: 1_700_000_000_900));
        await _broker.ProduceAsync("t", Broker.Batch("c", timestampMs: 1_700_000_000_600));
    }

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Theory]
    [InlineData(-1, 3, -1)]
    [InlineData(-2, 0, -1)]
    [InlineData(-3, 1, 1_700_000_000_900)]
    [InlineData(1_700_000_000_400, 1, 1_700_000_000_900)]
    [InlineData(1_700_000_000_901, -1, -1)]
    [InlineData(0, 0, 1_700_000_000_300)]
    public async Task ListOffsets_finds_ends_and_times(long timestampMs, long offset, long foundMs) =>
        Assert.Equal((ErrorCode.None, foundMs, offset), await ListOffsetsAsync("t", timestampMs));

    [Fact]
    public async Task ListOffsets_names_what_is_wrong()
    {
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, (await ListOffsetsAsync("nope", -1)).Error);
        Assert.Equal(ErrorCode.UnknownLeaderEpoch, (await ListOffsetsAsync("t", -1, leaderEpoch: 4)).Error);
        Assert.Equal(ErrorCode.UnsupportedVersion, (await ListOffsetsAsync("t", -4)).Error);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task OffsetCommit_keeps_offsets_and_metadata_and_refuses_partitions_that_there_are_not(short version)
    {
        var response = await _broker.CallAsync(ApiKey.OffsetCommit, version, body =>
        {
            body.String("g");
            body.Int32(-1);
            body.String("");
            if (version >= 7)
                body.String(null);
            if (version <= 4)
                body.Int64(-1);
            body.Array(1);
            body.String("t");
            body.Array(2);
            foreach (var partition in new[] { 1, 2 })
            {
                body.Int32(partition);
                body.Int64(40 + partition);
                if (version >= 6)
                    body.Int32(0);
                body.String("note");
                body.Tags();
            }
            body.Tags();
            body.Tags();
        });
        var read = response.Read();
        if (version >= 3)
            read.Int32();
        read.Array();
        read.String();
        read.Array();
        Assert.Equal((1, ErrorCode.None), (read.Int32(), (ErrorCode)read.Int16()));
        read.Tags();
        Assert.Equal((2, ErrorCode.UnknownTopicOrPartition), (read.Int32(), (ErrorCode)read.Int16()));

        Assert.Equal([(0, -1L, ""), (1, 41L, "note")], await FetchOffsetsAsync(partitions: [0, 1]));
        Assert.Equal([(1, 41L, "note")], await FetchOffsetsAsync(partitions: null));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(9)]
    public async Task OffsetFetch_of_many_groups_answers_each_for_itself(short version)
    {
        foreach (var (group, offset) in new[] { ("g", 41L), ("h", 42L) })
            _broker.State.Groups.Commit(new CommitRequest(group, -1, "", null, [new OffsetToCommit("t", 1, offset, 0, group)]));
        var response = await _broker.CallAsync(ApiKey.OffsetFetch, version, body =>
        {
            string?[] groups = ["h", "nobody", "g"];
            body.Array(groups.Length);
            foreach (var group in groups)
            {
                body.String(group);
                if (version >= 9)
                {
                    body.String(null);
                    body.Int32(-1);
                }
                // The first asks for all that there is.
                body.Array(group == "h" ? -1 : 1);
                if (group != "h")
                {
                    body.String("t");
                    body.Array(1);
                    body.Int32(1);
                    body.Tags();
                }
                body.Tags();
            }
            body.Bool(true);
            body.Tags();
        });

        Assert.Equal([("h", 42L, "h"), ("nobody", -1L, ""), ("g", 41L, "g")], ReadGroups(response.Read()));
    }

    private static List<(string Group, long Offset, string? Metadata)> ReadGroups(ProtocolReader read)
    {
        var found = new List<(string, long, string?)>();
        read.Int32();
        for (var groups = read.Array(); groups > 0; groups--)
        {
            var group = read.String();
            Assert.Equal((1, "t", 1, 1), (read.Array(), read.String(), read.Array(), read.Int32()));
            var offset = read.Int64();
            read.Int32();
            found.Add((group, offset, read.NullableString()));
            Assert.Equal(ErrorCode.None, (ErrorCode)read.Int16());
            read.Tags();
            read.Tags();
            Assert.Equal(ErrorCode.None, (ErrorCode)read.Int16());
            read.Tags();
        }
        return found;
    }

    [Fact]
    public async Task FindCoordinator_of_many_keys_answers_each()
    {
        var response = await _broker.CallAsync(ApiKey.FindCoordinator, 5, body =>
        {
            body.Int8(1);
            body.Array(2);
            body.String("a");
            body.String("b");
            body.Tags();
        });

        var read = response.Read();
        Assert.Equal((0, 2), (read.Int32(), read.Array()));
        foreach (var key in new[] { "a", "b" })
        {
            Assert.Equal((key, CallContext.NodeId), (read.String(), read.Int32()));
            read.String();
            read.Int32();
            Assert.Equal((ErrorCode.None, "NONE"), ((ErrorCode)read.Int16(), read.NullableString()));
            read.Tags();
        }
    }

    [Theory]
    [InlineData("consumer", "range", ErrorCodes.None)]
    [InlineData("connect", "range", ErrorCodes.InconsistentGroupProtocol)]
    [InlineData("consumer", "sticky", ErrorCodes.InconsistentGroupProtocol)]
    [InlineData(null, "range", ErrorCodes.InconsistentGroupProtocol)]
    [InlineData("consumer", null, ErrorCodes.InconsistentGroupProtocol)]
    public async Task SyncGroup_of_another_protocol_than_the_groups_is_refused(string? type, string? protocol, short expected)
    {
        var joined = await _broker.State.Groups.JoinAsync(new JoinRequest("g", "", null, "client", "/127.0.0.1", 30_000, 30_000, "consumer", [("range", [])], RequireKnownMemberId: false));
        var response = await _broker.CallAsync(ApiKey.SyncGroup, 5, body =>
        {
            body.String("g");
            body.Int32(joined.Generation);
            body.String(joined.MemberId);
            body.String(null);
            body.String(type);
            body.String(protocol);
            body.Array(0);
            body.Tags();
        });

        var read = response.Read();
        read.Int32();
        Assert.Equal(expected, read.Int16());
        Assert.Equal((expected == 0 ? type : null, expected == 0 ? protocol : null), (read.NullableString(), read.NullableString()));
    }

    [Fact]
    public async Task OffsetForLeaderEpoch_ends_where_the_readable_log_ends()
    {
        foreach (var (asked, end) in new[] { (0, 3L), (1, -1L) })
        {
            var response = await _broker.CallAsync(ApiKey.OffsetForLeaderEpoch, 4, body =>
            {
                body.Int32(-1);
                body.Array(1);
                body.String("t");
                body.Array(1);
                body.Int32(0);
                body.Int32(-1);
                body.Int32(asked);
                body.Tags();
                body.Tags();
                body.Tags();
            });
            var read = response.Read();
            read.Int32();
            read.Array();
            read.String();
            read.Array();
            Assert.Equal((ErrorCode.None, 0, end < 0 ? -1 : 0, end), ((ErrorCode)read.Int16(), read.Int32(), read.Int32(), read.Int64()));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task InitProducerId_of_a_fenced_epoch_is_named_as_its_version_knows_it(short version)
    {
        // Before version 3 the producer does not say who it was, and cannot be fenced by it.
        _broker.State.Transactions.InitProducerId("tx", 60_000, -1, -1);
        var (_, id, epoch, _) = _broker.State.Transactions.InitProducerId("tx", 60_000, -1, -1);
        var response = await _broker.CallAsync(ApiKey.InitProducerId, version, body =>
        {
            body.String("tx");
            body.Int32(60_000);
            if (version >= 3)
            {
                body.Int64(id);
                body.Int16((short)(epoch - 1));
            }
            body.Tags();
        });
        var read = response.Read();
        read.Int32();
        Assert.Equal(version >= 4 ? ErrorCode.ProducerFenced : ErrorCode.None, (ErrorCode)read.Int16());
    }

    [Theory]
    [InlineData(1, ErrorCodes.InvalidProducerEpoch)]
    [InlineData(2, ErrorCodes.ProducerFenced)]
    [InlineData(3, ErrorCodes.ProducerFenced)]
    public async Task EndTxn_of_a_zombie_is_named_as_its_version_knows_it(short version, short expected)
    {
        var (_, id, epoch, _) = _broker.State.Transactions.InitProducerId("tx", 60_000, -1, -1);
        _broker.State.Transactions.InitProducerId("tx", 60_000, -1, -1);
        var response = await _broker.CallAsync(ApiKey.EndTxn, version, body =>
        {
            body.String("tx");
            body.Int64(id);
            body.Int16(epoch);
            body.Bool(true);
            body.Tags();
        });
        var read = response.Read();
        read.Int32();
        Assert.Equal((ErrorCode)expected, (ErrorCode)read.Int16());
    }

    /// <summary>Numbers, since a public test cannot take an internal enum.</summary>
    private static class ErrorCodes
    {
        public const short None = (short)ErrorCode.None;
        public const short InvalidProducerEpoch = (short)ErrorCode.InvalidProducerEpoch;
        public const short ProducerFenced = (short)ErrorCode.ProducerFenced;
        public const short InconsistentGroupProtocol = (short)ErrorCode.InconsistentGroupProtocol;
    }

    private async Task<(ErrorCode Error, long TimestampMs, long Offset)> ListOffsetsAsync(string topic, long timestampMs, int leaderEpoch = -1)
    {
        var response = await _broker.CallAsync(ApiKey.ListOffsets, 7, body =>
        {
            body.Int32(-1);
            body.Int8(0);
            body.Array(1);
            body.String(topic);
            body.Array(1);
            body.Int32(0);
            body.Int32(leaderEpoch);
            body.Int64(timestampMs);
            body.Tags();
            body.Tags();
            body.Tags();
        });
        var read = response.Read();
        read.Int32();
        read.Array();
        read.String();
        read.Array();
        read.Int32();
        return ((ErrorCode)read.Int16(), read.Int64(), read.Int64());
    }

    private async Task<List<(int, long, string)>> FetchOffsetsAsync(int[]? partitions)
    {
        var response = await _broker.CallAsync(ApiKey.OffsetFetch, 7, body =>
        {
            body.String("g");
            body.Array(partitions is null ? -1 : 1);
            if (partitions is not null)
            {
                body.String("t");
                body.Array(partitions.Length);
                foreach (var partition in partitions)
                    body.Int32(partition);
                body.Tags();
            }
            body.Bool(true);
            body.Tags();
        });
        var read = response.Read();
        read.Int32();
        Assert.Equal(1, read.Array());
        Assert.Equal("t", read.String());
        var offsets = new List<(int, long, string)>();
        for (var left = read.Array(); left > 0; left--)
        {
            var (partition, offset) = (read.Int32(), read.Int64());
            read.Int32();
            offsets.Add((partition, offset, read.String()));
            Assert.Equal(ErrorCode.None, (ErrorCode)read.Int16());
            read.Tags();
        }
        return offsets;
    }
}
