namespace Metering.Core.Reconciliation;

/// <summary>What an epoch's publisher says of itself: its last SourceReport.</summary>
public sealed record ReportedFigures(long LastSequence, long Acknowledged, long InputTokens, long OutputTokens, long Expired, bool IsClosed);

/// <summary>What METER took of it: its account, as the ledger holds it.</summary>
/// <param name="Published">Distinct events that METER knows of.</param>
/// <param name="InFlight">Of those, missing for less than METER's grace time.</param>
public sealed record AccountFigures(long Received, long Metered, long Rejected, long Duplicate, long Unnumbered, long Published, long InFlight, long Lost, Int128 InputTokens, Int128 OutputTokens)
{
    /// <summary>Nothing of this epoch has come.</summary>
    public static readonly AccountFigures None = new(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/// <summary>What the ledger's rows say, counted.</summary>
/// <param name="Distinct">Rows without those that repeat a sequence.</param>
public sealed record LedgerFigures(long Rows, long Distinct, Int128 InputTokens, Int128 OutputTokens)
{
    public static readonly LedgerFigures None = new(0, 0, 0, 0);
}

/// <summary>One epoch of one source, from all three sides.</summary>
public sealed record SourceFigures(string Source, long Epoch, ReportedFigures? Reported, AccountFigures Account, LedgerFigures Ledger);
