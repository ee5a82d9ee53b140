using System.Collections.Frozen;
using Metering.Client;
using Metering.Client.Keys;
using Metering.Client.Policies;
using Metering.Client.Prices;
using Metering.Core.Keys;
using Metering.Core.Policies;
using Metering.Core.Pricing;
using Metering.Gateway.Keys;
using Microsoft.Extensions.Logging;
using ApiKey = Metering.Gateway.Keys.ApiKey;

namespace Metering.Gateway.Governed;

/// <summary>
/// Policies, keys and prices as requests ask for them, made anew from the control view when it has changed. A record that breaks
/// the rules is left out and said in the log. <see cref="Refresh"/> is one thread's; the rest any thread's.
/// </summary>
internal sealed class GovernedTables(ControlView view, ILogger log) : IKeyDirectory
{
    private volatile PolicyMatcher _policies = PolicyMatcher.Empty;
    private volatile PriceBook _prices = PriceBook.Empty;
    private volatile FrozenDictionary<KeyHash, ApiKey> _keys = FrozenDictionary<KeyHash, ApiKey>.Empty;
    private volatile bool _isRead;
    private long _policyVersion = -1, _keyVersion = -1, _priceVersion = -1;

    public PolicyMatcher Policies => _policies;

    public PriceBook Prices => _prices;

    /// <summary>Some policy is hard and enforced: leases are in use.</summary>
    public bool HasHard { get; private set; }

    public string? NotReady => _isRead ? null : "control, policies and keys are not read to their end yet";

    public ApiKey? Find(in KeyHash secret) => _keys.GetValueOrDefault(secret);

    /// <param name="isReadToEnd">All that the topics held at the start is in the view.</param>
    public void Refresh(bool isReadToEnd)
    {
        if (view.PolicyVersion is var policies && policies != _policyVersion)
        {
            _policyVersion = policies;
            _policies = PoliciesOf(view.Policies);
            HasHard = _policies.Policies.Any(static policy => policy is { Hard: true, IsShadow: false });
        }
        if (view.KeyVersion is var keys && keys != _keyVersion)
        {
            _keyVersion = keys;
            _keys = KeysOf(view.Keys);
        }
        if (view.PriceVersion is var prices && prices != _priceVersion)
        {
            _priceVersion = prices;
            _prices = PricesOf(view.Prices);
        }
        _isRead |= isReadToEnd;
    }

    private PolicyMatcher PoliciesOf(IEnumerable<Events.Policy> records) =>
        PolicyMatcher.Create(records.Select(PolicyRecords.FromRecord).Where(policy => IsGood("policy " + policy.Name, PolicyRules.Check(policy))));

    private PriceBook PricesOf(IEnumerable<Events.Price> records) =>
        PriceBook.Create(records.Select(PriceRecords.FromRecord).Where(model => IsGood("price of " + model.Model, PriceRules.Check(model))));

    private FrozenDictionary<KeyHash, ApiKey> KeysOf(IEnumerable<Events.GatewayKey> records)
    {
        var keys = new Dictionary<KeyHash, ApiKey>();
        foreach (var key in records.Select(KeyRecords.FromRecord))
        {
            if (!IsGood("key " + key.Id, KeyRules.Check(key)))
                continue;
            foreach (var hash in key.SecretHashes)
            {
                keys[new KeyHash(Convert.FromHexString(hash))] = new ApiKey
                {
                    Id = key.Id,
                    Tenant = key.Tenant,
                    Models = key.Models.Count == 0 ? null : key.Models.ToFrozenSet(StringComparer.Ordinal),
                    IsBlocked = key.IsBlocked,
                    ExpiresAt = key.ExpiresAtMicros is { } micros ? DateTimeOffset.UnixEpoch.AddMicroseconds(micros) : null,
                };
            }
        }
        return keys.ToFrozenDictionary();
    }

    private bool IsGood(string what, IReadOnlyList<string> errors)
    {
        if (errors.Count == 0)
            return true;
        GatewayLog.BadRecord(log, what, string.Join(" ", errors));
        return false;
    }
}
