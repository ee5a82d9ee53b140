using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Metering.Cli.Operators;

/// <summary>A policy in <c>policy plan</c> and <c>policy apply</c>.</summary>
/// <param name="Change">added, changed or unchanged.</param>
/// <param name="EffectiveAt">From when on it is in force; in a plan, if it were applied now.</param>
internal sealed record PolicyChangeLine(string Policy, string Change, string Scope, string Limit, IReadOnlyList<FieldChange>? Differences, string EffectiveAt);

/// <summary>One field; before or after is missing where it is not there.</summary>
internal sealed record FieldChange(string Field, string? Before, string? After);

/// <summary>The last line of <c>policy plan</c> and <c>policy apply</c>.</summary>
/// <param name="Applied">False for a plan.</param>
internal sealed record PolicyTotalsLine(bool Applied, int Added, int Changed, int Unchanged, IReadOnlyList<string> Warnings);

internal sealed record PolicyDeletedLine(string Deleted);

/// <summary>The one line that ever shows a key's secret.</summary>
internal sealed record KeySecretLine(string Id, string Tenant, string Secret);

/// <param name="Secrets">How many are in force: two while a rotation lasts.</param>
internal sealed record KeyLine(string Id, string Tenant, bool Blocked, IReadOnlyList<string> Models, string? ExpiresAt, int Secrets, string ChangedAt);

/// <summary>How operator commands write a moment.</summary>
internal static class Moments
{
    public static string Text(long micros) => DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(micros, 0, 253_402_300_799_999_999) * TimeSpan.TicksPerMicrosecond).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static long Micros(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PolicyChangeLine))]
[JsonSerializable(typeof(PolicyTotalsLine))]
[JsonSerializable(typeof(PolicyDeletedLine))]
[JsonSerializable(typeof(KeySecretLine))]
[JsonSerializable(typeof(KeyLine))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class OperatorJson : JsonSerializerContext;
