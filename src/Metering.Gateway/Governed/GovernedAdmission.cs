using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Metering.Client;
using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Core.Sources;
using Metering.Core.Windows;
using Metering.Events;
using Metering.Gateway.Admission;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using LostControl = Metering.Core.Policies.LostControl;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Gateway.Governed;

/// <summary>
/// Lets a request go by what policies say: soft limits by the decisions in force, hard ones by the leases in hand. A request
/// obeys every policy that it fits; it reserves on all its hard limits at once, or on none (R29): step 15 of the path. Any thread; what needs no
/// grant is decided without a wait.
/// </summary>
internal sealed class GovernedAdmission(ControlView view, GovernedTables tables, LeaseTraffic leases, Throttles throttles, Concurrency concurrency, string instance, GovernedOptions options) : IAdmission
{
    /// <summary>When a request may be sent again that found no slot: one may be free at any moment.</summary>
    private static readonly TimeSpan SlotsAskedAgain = TimeSpan.FromSeconds(1);

    private static readonly ThreadLocal<PolicyMatches> Matches = new(static () => new PolicyMatches());

    public string? NotReady => tables.NotReady;

    public ValueTask<AdmissionResult> AdmitAsync(in AdmissionRequest request, CancellationToken cancellationToken)
    {
        var plan = PlanOf(request);
        if (Decide(request, plan) is { } refusal)
            return ValueTask.FromResult(AdmissionResult.Refused(refusal));
        if (plan.Slots is null)
            return Hold(request, plan, cancellationToken);
        if (concurrency.TryEnter(plan.Slots) is { } full)
            return ValueTask.FromResult(AdmissionResult.Refused(new Refusal(RefusalKind.Rate, MessageOf(full, null), SlotsAskedAgain)));
        return HoldInSlotsAsync(request, plan, cancellationToken);
    }

    // Who is not let go after all is not under way.
    private async ValueTask<AdmissionResult> HoldInSlotsAsync(AdmissionRequest request, Plan plan, CancellationToken cancellationToken)
    {
        var isAdmitted = false;
        try
        {
            var result = await Hold(request, plan, cancellationToken);
            isAdmitted = result.Permit is not null;
            return result;
        }
        finally
        {
            if (!isAdmitted)
                plan.Leave();
        }
    }

    // Reserves on all hard limits.
    private ValueTask<AdmissionResult> Hold(in AdmissionRequest request, Plan plan, CancellationToken cancellationToken)
    {
        if (plan.Count == 0)
            return ValueTask.FromResult(AdmissionResult.Admitted(new GovernedPermit(leases, throttles, plan, null, null, MaxFor(request, plan), request.ArrivedAtMicros)));
        if (!request.Prompt.IsBounded && HasTokens(plan))
            return Refused(RefusalKind.Unbounded, $"This request holds a part whose tokens cannot be bounded ({request.Prompt.UnboundedPart}), and its policy '{plan.Named!.Name}' is a hard limit: send it without that part.");
        if (request.MaxOutputTokens is null)
            LeaveSomeToOthers(plan);
        if (!plan.TryNeeds(out var needs))
            return Refused(RefusalKind.Unbounded, $"The model '{request.Model}' has no price, and policy '{plan.Named!.Name}' limits money: ask for another model.");
        var result = leases.Book.Reserve(needs, leases.Now, out var reservation);
        return result switch
        {
            ReserveResult.Reserved => ValueTask.FromResult(Admitted(request, plan, reservation!)),
            ReserveResult.Closed => ValueTask.FromResult(AdmissionResult.Refused(Closed(plan.Named!))),
            ReserveResult.Short => WaitAsync(request, plan, needs, cancellationToken),
            _ => ValueTask.FromResult(Smaller(request, plan)),
        };
    }

    // What soft limits say, and which hard ones there are.
    private Refusal? Decide(in AdmissionRequest request, Plan plan)
    {
        var matches = Matches.Value!;
        Match(request, matches);
        if (matches.Count == 0)
            return null;
        Span<byte> id = stackalloc byte[128];
        id = id[..Encoding.UTF8.GetBytes(request.RequestId.AsSpan(0, Math.Min(request.RequestId.Length, 42)), id)];
        foreach (ref readonly var match in matches.All)
        {
            var (policy, scope) = (match.Policy, match.Scope);
            var slots = policy.Unit == LimitUnit.Concurrent ? plan.CountIn(scope.Text) : null;
            if (policy.IsShadow || match.IsExcepted || !PolicyShare.Touches(policy.SharePpm, id))
                continue;
            var isLost = !view.HasControl(scope.Utf8.Span);
            if (isLost && policy.WhenControlIsLost == LostControl.Open)
                continue;
            if (isLost && policy.WhenControlIsLost == LostControl.Closed)
                return Closed(policy);
            var decision = view.InForce(scope.Text, policy.Name) is { Enforce: true } standing ? standing : null;
            if (decision is not null && Obey(decision, policy, scope.Text, plan, request.ArrivedAtMicros) is { } refusal)
                return refusal;
            if (slots is not null && concurrency.LimitOf(policy, decision) is { } limit)
                slots.Limits.Add(limit);
            if (policy.Hard && IsEffective(policy, scope))
                plan.Add(AccountOf(policy, scope), policy);
        }
        return null;
    }

    private Refusal? Obey(Decision decision, Policy policy, string scope, Plan plan, long nowMicros)
    {
        if (decision is { Action: DecisionAction.Deny, MaxConcurrent: null })
            return new Refusal(KindOf(policy), MessageOf(policy, scope), TimeSpan.FromMilliseconds(Math.Max(1, decision.RetryAfterMs ?? 1_000)));
        if (decision.MaxOutputTokens is { } most)
            plan.MaxOutputTokens = Math.Min(plan.MaxOutputTokens, most);
        if (decision.TokensPerSecond is not { } rate)
            return null;
        var wait = throttles.WaitFor(scope, policy.Name, rate, decision.BurstTokens, nowMicros, RateShares.Of(decision.SharesPpm, instance));
        if (wait > TimeSpan.Zero)
            return new Refusal(RefusalKind.Rate, MessageOf(policy, scope), wait);
        (plan.Throttled ??= []).Add((scope, policy.Name));
        return null;
    }

    private async ValueTask<AdmissionResult> WaitAsync(AdmissionRequest request, Plan plan, LeaseNeed[] needs, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<LeaseWaiter>(TaskCreationOptions.RunContinuationsAsynchronously);
        var now = leases.Now;
        var waiter = leases.Book.Wait(needs, now, now + (options.MaxWait.Ticks / TimeSpan.TicksPerMicrosecond), done.SetResult);
        await using var gone = cancellationToken.UnsafeRegister(_ => leases.Book.Cancel(waiter, leases.Now), null);
        var ended = await done.Task;
        if (ended.Outcome == WaitOutcome.Reserved && cancellationToken.IsCancellationRequested)
        {
            leases.Book.Settle(ended.Reservation!, new long[needs.Length], leases.Now);
            cancellationToken.ThrowIfCancellationRequested();
        }
        return ended.Outcome switch
        {
            WaitOutcome.Reserved => Admitted(request, plan, ended.Reservation!),
            WaitOutcome.Closed => AdmissionResult.Refused(Closed(plan.Named!)),
            WaitOutcome.Cancelled => throw new OperationCanceledException(cancellationToken),
            _ => Smaller(request, plan),
        };
    }

    // What is left but smaller than the call's worst case is served with a smaller answer.
    private AdmissionResult Smaller(in AdmissionRequest request, Plan plan)
    {
        var output = plan.MaxOutputTokens;
        for (var i = 0; i < plan.Count; i++)
            output = Math.Min(output, plan.OutputFor(i, leases.Book.Available(plan.AccountAt(i), leases.Now)));
        if (output > 0 && output < plan.MaxOutputTokens)
        {
            plan.MaxOutputTokens = output;
            if (plan.TryNeeds(out var needs) && leases.Book.Reserve(needs, leases.Now, out var reservation) == ReserveResult.Reserved)
                return Admitted(request, plan, reservation!);
        }
        var policy = plan.Named!;
        var figures = Tightest(plan);
        return AdmissionResult.Refused(new Refusal(KindOf(policy), MessageOf(policy, null), TimeSpan.FromMilliseconds(Math.Max(1, figures?.ResetsInMs ?? 1_000)), FiguresOf(plan)));
    }

    private AdmissionResult Admitted(in AdmissionRequest request, Plan plan, LeaseReservation reservation) =>
        AdmissionResult.Admitted(new GovernedPermit(leases, throttles, plan, reservation, FiguresOf(plan), MaxFor(request, plan), request.ArrivedAtMicros));

    // A request that names no maximum would hold a small limit whole while it is under way, and all others would wait for what it
    // does not use.
    private void LeaveSomeToOthers(Plan plan)
    {
        for (var i = 0; i < plan.Count; i++)
        {
            if (leases.Book.Figures(plan.AccountAt(i)) is not { Limit: > 0 } figures)
                continue;
            // In hand, and with the governor.
            plan.LeaveSome(i, Math.Min(figures.Limit, leases.Book.Available(plan.AccountAt(i), leases.Now)) + figures.Left, options.LeastFreeOutputTokens);
        }
    }

    private Plan PlanOf(in AdmissionRequest request)
    {
        var price = tables.Prices.Find(request.Model);
        return new Plan
        {
            InputTokens = request.Prompt.Tokens(),
            Choices = request.Choices,
            MaxOutputTokens = request.MaxOutputTokens ?? price?.MaxOutputTokens ?? options.DefaultMaxOutputTokens,
            Price = price,
            AtMicros = request.ArrivedAtMicros,
        };
    }

    // Only what a policy made smaller, or pays for, is told to the host.
    private static long? MaxFor(in AdmissionRequest request, Plan plan) =>
        plan.Count > 0 || (request.MaxOutputTokens is { } asked && plan.MaxOutputTokens < asked) || plan.Throttled is not null ? plan.MaxOutputTokens : null;

    // Six kilobytes that are written before they are read.
    [SkipLocalsInit]
    private void Match(in AdmissionRequest request, PolicyMatches matches)
    {
        const int MaxName = 512 * 3;
        Span<byte> names = stackalloc byte[4 * MaxName];
        matches.Clear();
        tables.Policies.Match(new RequestDimensions
        {
            Tenant = Utf8(request.Key.Tenant, names[..MaxName]),
            Key = Utf8(request.Key.Id, names[MaxName..(2 * MaxName)]),
            Model = Utf8(request.Model, names[(2 * MaxName)..(3 * MaxName)]),
            Route = Utf8(request.Route, names[(3 * MaxName)..]),
            Tags = request.Tags.Count == 0 ? [] : [.. request.Tags.Select(static tag => KeyValuePair.Create(Encoding.UTF8.GetBytes(tag.Key), Encoding.UTF8.GetBytes(tag.Value)))],
        }, matches);
    }

    // Names have 512 bytes of UTF-8 at most, which keys, bodies and headers are held to.
    private static ReadOnlySpan<byte> Utf8(string text, Span<byte> buffer) =>
        Encoding.UTF8.TryGetBytes(text, buffer, out var written) ? buffer[..written] : Encoding.UTF8.GetBytes(text);

    private BookAccount AccountOf(Policy policy, PolicyScope scope) => leases.Book.Account(
        new AccountKey(scope.Text, policy.Unit, policy.Per, policy.TimeZone),
        new AccountRules(Murmur2.PartitionOf(scope.Utf8.Span, Math.Max(1, view.Partitions)), policy.WhenControlIsLost));

    private bool IsEffective(Policy policy, PolicyScope scope) => view.GovernorNowMicros(scope.Utf8.Span) is var now && (now == 0 || now >= policy.EffectiveAtMicros);

    private static bool HasTokens(Plan plan)
    {
        for (var i = 0; i < plan.Count; i++)
        {
            if (plan.UnitAt(i) != LimitUnit.Requests)
                return true;
        }
        return false;
    }

    private AccountFigures? Tightest(Plan plan)
    {
        AccountFigures? tightest = null;
        for (var i = 0; i < plan.Count; i++)
        {
            if (leases.Book.Figures(plan.AccountAt(i)) is { } figures && (tightest is null || figures.Left < tightest.Value.Left))
                tightest = figures;
        }
        return tightest;
    }

    private RateLimitFigures? FiguresOf(Plan plan)
    {
        RateLimitFigures? limits = null;
        for (var i = 0; i < plan.Count; i++)
        {
            if (leases.Book.Figures(plan.AccountAt(i)) is not { Limit: > 0 } figures)
                continue;
            var (left, reset) = (figures.Left, TimeSpan.FromMilliseconds(figures.ResetsInMs));
            if (plan.UnitAt(i) == LimitUnit.Requests)
                limits = (limits ?? new()) with { LimitRequests = figures.Limit, RemainingRequests = left, ResetRequests = reset };
            else if (plan.UnitAt(i) != LimitUnit.Usd)
                limits = (limits ?? new()) with { LimitTokens = figures.Limit, RemainingTokens = left, ResetTokens = reset };
        }
        return limits;
    }

    private static ValueTask<AdmissionResult> Refused(RefusalKind kind, string message) => ValueTask.FromResult(AdmissionResult.Refused(new Refusal(kind, message)));

    private static Refusal Closed(Policy policy) =>
        new(RefusalKind.Unavailable, $"Policy '{policy.Name}' lets nothing through while the governor cannot be heard.", TimeSpan.FromSeconds(1));

    // Money and long windows are a quota: asking again soon is in vain.
    private static RefusalKind KindOf(Policy policy) => policy.Unit == LimitUnit.Usd || policy.Per >= Core.Windows.LimitPeriod.Day ? RefusalKind.Quota : RefusalKind.Rate;

    private static string MessageOf(Policy policy, string? scope) => policy.Message.Length > 0
        ? policy.Message
        : string.Create(CultureInfo.InvariantCulture, $"The limit of policy '{policy.Name}'{(scope is null ? "" : $" for {scope}")} is reached.");
}
