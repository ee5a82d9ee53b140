namespace Metering.Core.Reconciliation;

/// <summary>
/// The books of one epoch of one source: published = metered + rejected + in flight + lost, and
/// received = metered + rejected + duplicate. Metered is counted from the ledger's rows, the rest comes from METER's
/// account and the source's own report, so that the two equations can fail.
/// </summary>
/// <param name="Published">Distinct events: the larger of what the source reports and what METER saw.</param>
/// <param name="InFlight">Published, and not yet in the ledger nor accounted for otherwise.</param>
/// <param name="Late">Of those, missing in METER's sequences for less than its grace time.</param>
/// <param name="Spooled">Of those, accepted by the publisher and not yet acknowledged by the broker.</param>
/// <param name="Problems">What does not add up, one sentence each. Empty when all does.</param>
/// <param name="IsSettled">Nothing is in flight and nothing contradicts: looking again would show the same.</param>
public sealed record SourceBalance(
    string Source, long Epoch, long Published, long Received, long Metered, long Duplicate, long Rejected, long InFlight, long Late, long Spooled, long Lost,
    Int128 InputTokens, Int128 OutputTokens, IReadOnlyList<string> Problems)
{
    public bool IsSettled => InFlight == 0 && Problems.Count == 0;

    public static SourceBalance Of(SourceFigures figures)
    {
        var (account, ledger, reported) = (figures.Account, figures.Ledger, figures.Reported);
        var published = Math.Max((reported?.LastSequence ?? 0) + account.Unnumbered, account.Published);
        var inFlight = published - ledger.Rows - account.Rejected - account.Lost;
        return new SourceBalance(figures.Source, figures.Epoch, published, account.Received, ledger.Rows, account.Duplicate, account.Rejected,
            inFlight, account.InFlight, reported is null ? 0 : Math.Max(0, reported.LastSequence - reported.Acknowledged), account.Lost, ledger.InputTokens, ledger.OutputTokens, [.. ProblemsOf(account, ledger, reported, inFlight)]);
    }

    private static IEnumerable<string> ProblemsOf(AccountFigures account, LedgerFigures ledger, ReportedFigures? reported, long inFlight)
    {
        if (ledger.Rows != ledger.Distinct)
            yield return $"the ledger holds {ledger.Rows - ledger.Distinct} rows twice";
        if (ledger.Rows < account.Metered)
            yield return $"METER metered {account.Metered}, the ledger holds {ledger.Rows}";
        if (ledger.Rows > account.Metered)
            yield return $"the ledger holds {ledger.Rows}, METER's account says {account.Metered}";
        if (ledger.Rows == account.Metered && (ledger.InputTokens, ledger.OutputTokens) != (account.InputTokens, account.OutputTokens))
            yield return $"METER metered {account.InputTokens} + {account.OutputTokens} tokens, the ledger holds {ledger.InputTokens} + {ledger.OutputTokens}";
        if (account.Received != account.Metered + account.Rejected + account.Duplicate)
            yield return $"received {account.Received} is not metered {account.Metered} + rejected {account.Rejected} + duplicate {account.Duplicate}";
        if (inFlight < 0)
            yield return $"{-inFlight} more than were published";
        if (reported is { IsClosed: true } closed && IsWhole(account, ledger, closed) && (ledger.InputTokens, ledger.OutputTokens) != (closed.InputTokens, closed.OutputTokens))
            yield return $"the source published {closed.InputTokens} + {closed.OutputTokens} tokens, the ledger holds {ledger.InputTokens} + {ledger.OutputTokens}";
    }

    /// <summary>All that the source reports is in the ledger, and nothing else, so that the token sums must be equal.</summary>
    private static bool IsWhole(AccountFigures account, LedgerFigures ledger, ReportedFigures reported) =>
        account.Unnumbered == 0 && ledger.Rows == reported.LastSequence && ledger.Distinct == ledger.Rows;
}
