namespace Metering.Core.Leases.Governor;

/// <summary>Takes what the governor decided, for <c>control</c>, in the same transaction as its state.</summary>
public interface ILeaseOutput
{
    void Grant(LeaseGrant grant);

    void Settle(LeaseTombstone tombstone);

    void Refuse(LeaseRefusal refusal);
}
