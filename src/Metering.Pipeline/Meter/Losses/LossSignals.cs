using System.Globalization;
using System.Text;
using Metering.Core.Sources;
using Metering.Core.Usage;
using Metering.Events;

namespace Metering.Pipeline.Meter.Losses;

/// <summary>Says in a Signal what was found of an epoch: its scope is the source, its figures name the epoch.</summary>
internal static class LossSignals
{
    public const string Lost = "lost";
    public const string UnderReported = "under_reported";
    public const string OverReported = "over_reported";

    /// <summary>Ranges that are named; of the others their number is told.</summary>
    private const int MaxRanges = 20;

    public static Signal OfLost(EpochLoss loss, FindingNews news, DateTimeOffset at, TimeSpan grace)
    {
        var (figures, account) = (loss.Figures, loss.Account);
        var isFiring = news == FindingNews.Firing;
        var signal = Of(account, Lost, isFiring, isFiring ? SignalSeverity.Critical : SignalSeverity.Info, at, grace);
        signal.Figures["lost"] = figures.Lost;
        signal.Figures["in_flight"] = figures.InFlight;
        signal.Figures["published"] = figures.Published;
        signal.Figures["highest_sequence"] = account.Sequences.Highest;
        if (!isFiring)
        {
            signal.Message = $"{NameOf(account)}: what was lost has come late; nothing is lost any more.";
            return signal;
        }
        var ranges = RangesOf(loss);
        signal.Texts["ranges"] = ranges;
        signal.Message = string.Create(CultureInfo.InvariantCulture,
            $"{NameOf(account)}: {figures.Lost} events are lost (sequences {ranges}): they were numbered and have not come within {grace.TotalSeconds:0.###} s. Look at the source's log and at its spool (expired or damaged events); what still comes is taken, and lowers this.");
        return signal;
    }

    public static Signal OfReport(EpochLoss loss, ReportFault fault, bool isFiring, DateTimeOffset at, TimeSpan grace)
    {
        var account = loss.Account;
        var signal = Of(account, fault == ReportFault.MoreTokens ? OverReported : UnderReported, isFiring, isFiring ? SignalSeverity.Warning : SignalSeverity.Info, at, grace);
        signal.Figures["metered"] = account.Metered;
        signal.Figures["highest_sequence"] = account.Sequences.Highest;
        Add(signal, "metered_input_tokens", account.InputTokens);
        Add(signal, "metered_output_tokens", account.OutputTokens);
        signal.Message = $"{NameOf(account)}: its report agrees with what was metered.";
        if (loss.Report is not { } report)
            return signal;
        signal.Figures["reported"] = report.LastSequence;
        signal.Figures["behind"] = loss.State.ToldBehind;
        signal.Figures["reported_input_tokens"] = report.InputTokens;
        signal.Figures["reported_output_tokens"] = report.OutputTokens;
        if (isFiring)
            signal.Message = fault == ReportFault.FewerEvents ? Behind(loss, report, grace) : OtherTokens(account, report);
        return signal;
    }

    // By what was seen a grace time ago, so that the next that is told says more.
    private static string Behind(EpochLoss loss, EpochReport report, TimeSpan grace) => string.Create(CultureInfo.InvariantCulture,
        $"{NameOf(loss.Account)}: its newest report knows of events up to sequence {report.LastSequence}, and for longer than {grace.TotalSeconds:0.###} s they have come up to {report.LastSequence + loss.State.ToldBehind}. The ledger counts what has come. If the source has died, its next start closes the report; if it lives, see whether its reports reach the topic source-reports, and whether another publishes under its name.");

    private static string OtherTokens(EpochAccount account, EpochReport report) => string.Create(CultureInfo.InvariantCulture,
        $"{NameOf(account)}: it reports {report.InputTokens} + {report.OutputTokens} tokens for its {report.LastSequence} events, of the same events {account.InputTokens} + {account.OutputTokens} were metered. The ledger counts what has come; see whether another publishes under its name, or whether the source was changed.");

    private static Signal Of(EpochAccount account, string name, bool isFiring, SignalSeverity severity, DateTimeOffset at, TimeSpan grace)
    {
        Span<byte> buffer = stackalloc byte[ScopeName.MaxBytes];
        var scope = new ScopeName(buffer);
        scope.Set("source"u8, account.Source);
        return new Signal
        {
            Scope = Encoding.UTF8.GetString(scope.Utf8),
            Kind = SignalKind.Alert,
            Name = name,
            State = isFiring ? SignalState.Firing : SignalState.Resolved,
            Severity = severity,
            AtMicros = (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            WindowMs = (long)grace.TotalMilliseconds,
            Figures = new Dictionary<string, long>(StringComparer.Ordinal) { ["epoch"] = account.Epoch },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal),
        };
    }

    private static string NameOf(EpochAccount account) => string.Create(CultureInfo.InvariantCulture, $"source {Encoding.UTF8.GetString(account.Source)}, epoch {account.Epoch}");

    private static string RangesOf(EpochLoss loss)
    {
        var ranges = new List<string>();
        var (sequences, upTo, more) = (loss.Account.Sequences, loss.State.JudgedUpTo, 0);
        if (sequences.ForgottenMissing > 0)
            ranges.Add(string.Create(CultureInfo.InvariantCulture, $"{sequences.ForgottenMissing} not remembered one by one up to {sequences.ForgottenUpTo}"));
        foreach (var gap in sequences.Gaps)
        {
            if (gap.First > upTo)
                break;
            if (ranges.Count < MaxRanges)
                ranges.Add(Range(gap.First, Math.Min(gap.Last, upTo)));
            else
                more++;
        }
        if (upTo > sequences.Highest)
            ranges.Add(Range(sequences.Highest + 1, upTo));
        if (more > 0)
            ranges.Add(string.Create(CultureInfo.InvariantCulture, $"and {more} ranges more"));
        return string.Join(", ", ranges);
    }

    private static string Range(long first, long last) => first == last
        ? first.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{first}–{last}");

    private static void Add(Signal signal, string name, Int128 value) => signal.Figures[name] = (long)Int128.Min(value, long.MaxValue);
}
