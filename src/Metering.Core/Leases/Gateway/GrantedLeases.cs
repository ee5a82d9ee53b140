namespace Metering.Core.Leases.Gateway;

/// <summary>
/// The leases that a gateway instance was granted, by their ids. One whose tombstone came is kept until it has expired: a repeated
/// grant that arrives after it must not bring it back (R25).
/// </summary>
internal sealed class GrantedLeases
{
    private readonly Dictionary<string, BookLease> _byId = new(StringComparer.Ordinal);
    private readonly Queue<BookLease> _forgotten = new();

    /// <summary>The lease of a grant that brings something new, with the grant's version; null = this or a later word of it was heard.
    /// It expires at its own request's time + TTL (R27), and at once where that request is not known.</summary>
    public BookLease? Take(BookAccount account, LeaseGrant grant, long now, out bool isNew)
    {
        isNew = !_byId.TryGetValue(grant.LeaseId, out var lease);
        if (lease is not null)
        {
            if (grant.Version <= lease.Version)
                return null;
            lease.Version = grant.Version;
            return lease;
        }
        lease = new BookLease(account, grant.LeaseId, grant.WindowId, grant.Amount)
        {
            Version = grant.Version,
            OpensAt = now + (grant.OpensInMs * 1000),
            ExpiresAt = account.Levels.SentAt(grant.Answers) is { } sentAt ? sentAt + (grant.TtlMs * 1000) : now,
        };
        _byId.Add(lease.Id, lease);
        account.Leases.Add(lease);
        account.Levels.Answered();
        account.RefusedUntil = long.MinValue;
        return lease;
    }

    /// <summary>The lease is settled. False if it is not known, or was forgotten before.</summary>
    public bool TryForget(string id)
    {
        if (!_byId.TryGetValue(id, out var lease) || lease.IsForgotten)
            return false;
        lease.Retire();
        lease.IsForgotten = true;
        lease.Account.Leases.Remove(lease);
        lease.Account.Touch();
        _forgotten.Enqueue(lease);
        return true;
    }

    public void DropExpired(long now)
    {
        while (_forgotten.TryPeek(out var lease) && lease.ExpiresAt <= now)
            _byId.Remove(_forgotten.Dequeue().Id);
    }
}
