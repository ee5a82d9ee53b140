using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Core.Pricing;

namespace Metering.Gateway.Governed;

/// <summary>What a request must hold to be let go: its worst case on each of its hard limits (R28), for an answer of a size.</summary>
internal sealed class Plan
{
    private readonly List<(BookAccount Account, LimitUnit Unit)> _accounts = [];

    /// <summary>Prompt tokens at worst.</summary>
    public required long InputTokens { get; init; }

    public required int Choices { get; init; }

    /// <summary>Output tokens for each choice, at most.</summary>
    public long MaxOutputTokens { get; set; }

    /// <summary>Null when the model has no price: then a limit of money cannot be kept.</summary>
    public PricedModel? Price { get; init; }

    public required long AtMicros { get; init; }

    /// <summary>Scopes that are throttled, for the settlement.</summary>
    public List<(string Scope, string Policy)>? Throttled { get; set; }

    /// <summary>Scopes in which it counts as under way, and the limits there.</summary>
    public List<SlotNeed>? Slots { get; private set; }

    public int Count => _accounts.Count;

    /// <summary>The limit that a refusal speaks of.</summary>
    public Policy? Named { get; private set; }

    public BookAccount AccountAt(int index) => _accounts[index].Account;

    public LimitUnit UnitAt(int index) => _accounts[index].Unit;

    /// <summary>It counts in a scope, once however many policies limit it.</summary>
    public SlotNeed CountIn(string scope)
    {
        foreach (var known in Slots ??= [])
        {
            if (string.Equals(known.Scope, scope, StringComparison.Ordinal))
                return known;
        }
        Slots.Add(new SlotNeed(scope));
        return Slots[^1];
    }

    /// <summary>It is under way no more.</summary>
    public void Leave()
    {
        if (Slots is null)
            return;
        foreach (var need in Slots)
            need.Gauge!.Leave();
    }

    public void Add(BookAccount account, Policy policy)
    {
        Named ??= policy;
        foreach (var known in _accounts)
        {
            if (known.Account == account)
                return; // two policies, one account: the smaller limit counts, and it is reserved once
        }
        _accounts.Add((account, policy.Unit));
    }

    /// <summary>False: it cannot be bounded in money, for the model has no price.</summary>
    public bool TryNeeds(out LeaseNeed[] needs)
    {
        needs = new LeaseNeed[_accounts.Count];
        for (var i = 0; i < needs.Length; i++)
        {
            if (AmountOf(_accounts[i].Unit, MaxOutputTokens) is not { } amount)
                return false;
            needs[i] = new LeaseNeed(_accounts[i].Account, amount);
        }
        return true;
    }

    /// <summary>The largest answer, for each choice, that is at most so much on an account.</summary>
    public long OutputFor(int index, long available)
    {
        var unit = _accounts[index].Unit;
        if (AmountOf(unit, MaxOutputTokens) is { } whole && whole <= available)
            return MaxOutputTokens;
        if (IsFree(unit) || AmountOf(unit, 0) is not { } prompt || prompt >= available)
            return 0;
        var left = available - prompt;
        // The dearest token's price, so that what is bought with the rest fits it.
        var each = unit == LimitUnit.Usd ? Price!.WorstPicoUsd(AtMicros, InputTokens, 1)!.Value - prompt : 1;
        return each <= 0 ? MaxOutputTokens : Math.Min(MaxOutputTokens, left / each / Choices);
    }

    /// <summary>Makes the answer as small as an eighth of what is left on an account pays for, but no smaller than <paramref name="least"/>;
    /// where an answer's size costs nothing it stays.</summary>
    public void LeaveSome(int index, long left, long least)
    {
        if (!IsFree(_accounts[index].Unit))
            MaxOutputTokens = Math.Min(MaxOutputTokens, Math.Max(least, OutputFor(index, left / 8)));
    }

    private static bool IsFree(LimitUnit unit) => unit is LimitUnit.Requests or LimitUnit.InputTokens;

    private long? AmountOf(LimitUnit unit, long output) => unit switch
    {
        LimitUnit.Tokens => InputTokens + (Choices * output),
        LimitUnit.InputTokens => InputTokens,
        LimitUnit.OutputTokens => Choices * output,
        LimitUnit.Requests => 1,
        LimitUnit.Usd => Price?.WorstPicoUsd(AtMicros, InputTokens, Choices * output),
        _ => 0,
    };
}
