using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>All transactional ids, by state, producer or age.</summary>
internal static class ListTransactionsCall
{
    private static readonly string[] States =
        ["Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"];

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var states = new HashSet<string>(StringComparer.Ordinal);
        for (var left = request.Array(); left > 0; left--)
            states.Add(request.String());
        var producers = new HashSet<long>();
        for (var left = request.Array(); left > 0; left--)
            producers.Add(request.Int64());
        var olderThanMs = context.Version >= 1 ? request.Int64() : -1;
        request.Tags();

        reply.Int32(0);
        if (context.State is not { } state)
        {
            reply.Error(ErrorCode.CoordinatorNotAvailable);
            reply.Array(0);
            reply.Array(0);
            reply.Tags();
            return 0;
        }
        reply.Error(ErrorCode.None, ErrorCode.CoordinatorNotAvailable);
        WriteUnknown(states, reply);
        var listed = List(context, state, states, producers, olderThanMs);
        reply.Array(listed.Count);
        foreach (var transaction in listed)
        {
            reply.String(transaction.TransactionalId);
            reply.Int64(transaction.ProducerId);
            reply.String(transaction.State);
            reply.Tags();
        }
        reply.Tags();
        lock (state.Gate)
            return state.Journal.Last;
    }

    private static void WriteUnknown(HashSet<string> states, ProtocolWriter reply)
    {
        var unknown = new List<string>();
        foreach (var name in states)
        {
            if (!States.AsSpan().Contains(name))
                unknown.Add(name);
        }
        reply.Array(unknown.Count);
        foreach (var name in unknown)
            reply.String(name);
    }

    private static List<TransactionListing> List(CallContext context, BrokerState state, HashSet<string> states, HashSet<long> producers, long olderThanMs)
    {
        var listed = new List<TransactionListing>();
        foreach (var transaction in state.Transactions.List())
        {
            if ((states.Count == 0 || states.Contains(transaction.State))
                && (producers.Count == 0 || producers.Contains(transaction.ProducerId))
                && (olderThanMs < 0 || IsOlder(context, state, transaction, olderThanMs)))
            {
                listed.Add(transaction);
            }
        }
        return listed;
    }

    private static bool IsOlder(CallContext context, BrokerState state, TransactionListing transaction, long ageMs) =>
        state.Transactions.Describe(transaction.TransactionalId) is { StartedAtMs: >= 0 } described && context.NowMs - described.StartedAtMs > ageMs;
}
