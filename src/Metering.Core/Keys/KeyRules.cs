using Metering.Core.Policies;

namespace Metering.Core.Keys;

/// <summary>What a key must obey before it is stored, and before a gateway takes it.</summary>
public static class KeyRules
{
    private const int MaxTenantBytes = 512;
    private const int MaxModels = 1_000;
    private const int MaxSecrets = 2;

    /// <summary>Every broken rule as a sentence that names key, field, value and fix; empty when there is none.</summary>
    public static IReadOnlyList<string> Check(ApiKey key)
    {
        var errors = new List<string>();
        var name = $"key '{Quoted.Short(key.Id)}'";
        if (!PolicyRules.IsName(key.Id))
            errors.Add($"{name}: the id is no id; give 1 to {PolicyRules.MaxNameLength} letters, digits, '.', '_' and '-'");
        if (key.Tenant.Length == 0 || !Utf8Text.IsValid(key.Tenant, MaxTenantBytes))
            errors.Add($"{name}: the tenant '{Quoted.Short(key.Tenant)}' is no name; give valid Unicode of 1 to {MaxTenantBytes} bytes");
        if (key.SecretHashes.Count is 0 or > MaxSecrets)
            errors.Add($"{name}: has {key.SecretHashes.Count} secrets; one is in force, and a second while a rotation lasts");
        if (key.SecretHashes.Any(static hash => !SecretHash.TryParse(hash, out _)))
            errors.Add($"{name}: a secret's hash is not {SecretHash.HexLength} lower-case hex digits of SHA-256");
        if (key.Models.Count > MaxModels)
            errors.Add($"{name}: has {key.Models.Count} models; {MaxModels} are allowed, and none means all");
        if (key.Models.FirstOrDefault(static model => model.Length == 0 || !Utf8Text.IsValid(model, Pricing.PriceRules.MaxModelBytes)) is { } bad)
            errors.Add($"{name}: the model '{Quoted.Short(bad)}' is no name; give valid Unicode of 1 to {Pricing.PriceRules.MaxModelBytes} bytes");
        return errors;
    }
}
