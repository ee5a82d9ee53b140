using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>A fetch as it came: topics with their number of partitions, and the partitions of all in one list.</summary>
internal sealed class FetchRequest
{
    public const short FirstWithIds = 13;

    private const int NewSession = 0;
    private const int NoSession = -1;
    private const sbyte ReadCommitted = 1;

    private readonly int _sessionId;
    private readonly int _sessionEpoch;

    private FetchRequest(CallContext context, ReadOnlyMemory<byte> body)
    {
        var version = context.Version;
        var request = context.Reader(body);
        request.Int32();
        MaxWait = TimeSpan.FromMilliseconds(Math.Max(0, request.Int32()));
        MinBytes = request.Int32();
        MaxBytes = Math.Clamp(request.Int32(), 0, WireLimits.FetchBytes);
        CommittedOnly = request.Int8() == ReadCommitted;
        _sessionEpoch = NoSession;
        if (version >= 7)
        {
            _sessionId = request.Int32();
            _sessionEpoch = request.Int32();
        }
        var topics = request.Array();
        Topics = new List<(FetchedTopic, int)>(topics);
        Partitions = new List<Partition>(topics);
        for (var i = 0; i < topics; i++)
        {
            var topic = ReadTopic(version, ref request);
            var partitions = request.Array();
            Topics.Add((topic, partitions));
            for (var j = 0; j < partitions; j++)
            {
                var index = request.Int32();
                var leaderEpoch = version >= 9 ? request.Int32() : -1;
                var offset = request.Int64();
                if (version >= 12)
                    request.Int32();
                if (version >= 5)
                    request.Int64();
                Partitions.Add(new Partition(topic, index, leaderEpoch, offset, Math.Max(0, request.Int32())));
                request.Tags();
            }
            request.Tags();
        }
        if (version >= 7)
            SkipForgotten(version, ref request);
        if (version >= 11)
            request.String();
        request.Tags();
    }

    public TimeSpan MaxWait { get; }

    public int MinBytes { get; }

    public int MaxBytes { get; }

    public bool CommittedOnly { get; }

    public List<(FetchedTopic Topic, int Partitions)> Topics { get; }

    public List<Partition> Partitions { get; }

    public static FetchRequest Read(CallContext context, ReadOnlyMemory<byte> body) => new(context, body);

    /// <summary>A client may ask for a session, but never has one.</summary>
    public ErrorCode CheckSession()
    {
        if (_sessionEpoch is NoSession or NewSession)
            return ErrorCode.None;
        return _sessionId == 0 ? ErrorCode.InvalidFetchSessionEpoch : ErrorCode.FetchSessionIdNotFound;
    }

    /// <summary>Partitions to take out of a session: there is none.</summary>
    private static void SkipForgotten(short version, ref ProtocolReader request)
    {
        for (var topics = request.Array(); topics > 0; topics--)
        {
            ReadTopic(version, ref request);
            for (var partitions = request.Array(); partitions > 0; partitions--)
                request.Int32();
            request.Tags();
        }
    }

    private static FetchedTopic ReadTopic(short version, ref ProtocolReader request) =>
        version >= FirstWithIds ? new FetchedTopic(null, request.Uuid()) : new FetchedTopic(request.String(), Guid.Empty);

    /// <summary>How the client names a topic: by its id from version 13 on, so that one that was made again is another.</summary>
    public readonly record struct FetchedTopic(string? Name, Guid Id);

    public readonly record struct Partition(FetchedTopic Topic, int Index, int LeaderEpoch, long Offset, int MaxBytes);
}
