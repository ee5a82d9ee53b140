namespace Metering.LocalBroker.Groups;

/// <summary>A member of a group. Under the broker's gate.</summary>
internal sealed class Member(string id, string? instanceId, Action<Member> onExpired)
{
    private Deadline? _session;

    public string Id { get; } = id;

    /// <summary>Not null: a static member, which keeps its place in the group while it restarts.</summary>
    public string? InstanceId { get; } = instanceId;

    public string ClientId { get; set; } = "";

    public string ClientHost { get; set; } = "";

    public int SessionTimeoutMs { get; set; }

    public int RebalanceTimeoutMs { get; set; }

    /// <summary>What it can do, what it likes best first.</summary>
    public IReadOnlyList<(string Name, byte[] Metadata)> Protocols { get; set; } = [];

    public byte[] Assignment { get; set; } = [];

    /// <summary>It has never got an answer to a join: nobody heartbeats for it, and its client may be gone.</summary>
    public bool IsNew { get; set; }

    /// <summary>It has its generation and has not asked for its assignment yet.</summary>
    public bool OwesSync { get; set; }

    public TaskCompletionSource<JoinAnswer>? Joining { get; set; }

    public TaskCompletionSource<SyncAnswer>? Syncing { get; set; }

    /// <summary>Falls due when nothing was heard for the session timeout.</summary>
    public Deadline Session => _session ??= new Deadline(() => onExpired(this));

    public bool Supports(string protocol)
    {
        foreach (var (name, _) in Protocols)
        {
            if (name == protocol)
                return true;
        }
        return false;
    }

    public byte[] MetadataOf(string protocol)
    {
        foreach (var (name, metadata) in Protocols)
        {
            if (name == protocol)
                return metadata;
        }
        return [];
    }

    /// <summary>True when a join says nothing new.</summary>
    public bool Matches(IReadOnlyList<(string Name, byte[] Metadata)> protocols)
    {
        if (protocols.Count != Protocols.Count)
            return false;
        for (var i = 0; i < protocols.Count; i++)
        {
            if (protocols[i].Name != Protocols[i].Name || !protocols[i].Metadata.AsSpan().SequenceEqual(Protocols[i].Metadata))
                return false;
        }
        return true;
    }

    public void Take(JoinRequest request)
    {
        Protocols = request.Protocols;
        SessionTimeoutMs = request.SessionTimeoutMs;
        RebalanceTimeoutMs = Math.Max(
            request.RebalanceTimeoutMs < 0 ? request.SessionTimeoutMs : request.RebalanceTimeoutMs, GroupLimits.MinRebalanceTimeoutMs);
    }
}
