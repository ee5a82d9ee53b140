using System.Text.Json.Serialization;

namespace Metering.Cli.Doctor;

/// <summary>What one check found.</summary>
/// <param name="Check">What was looked at.</param>
/// <param name="Status">fail = something required is broken.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Fix">What to do; null when nothing need be done.</param>
public sealed record CheckResult(string Check, CheckStatus Status, string Detail, string? Fix = null)
{
    public static CheckResult Ok(string check, string detail) => new(check, CheckStatus.Ok, detail);

    public static CheckResult Warn(string check, string detail, string fix) => new(check, CheckStatus.Warn, detail, fix);

    public static CheckResult Fail(string check, string detail, string fix) => new(check, CheckStatus.Fail, detail, fix);

    /// <summary>For people.</summary>
    internal string ToLine()
    {
        var mark = Status switch { CheckStatus.Ok => "ok  ", CheckStatus.Warn => "warn", _ => "FAIL" };
        return Fix is null ? $"{mark}  {Check}: {Detail}" : $"{mark}  {Check}: {Detail}. To do: {Fix}";
    }
}

public enum CheckStatus
{
    Ok,
    Warn,
    Fail,
}

/// <summary>The last line.</summary>
internal sealed record DoctorSummary(bool Ok, int Failed, int Warned);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(CheckStatusConverter)])]
[JsonSerializable(typeof(CheckResult))]
[JsonSerializable(typeof(DoctorSummary))]
internal sealed partial class DoctorJson : JsonSerializerContext;

internal sealed class CheckStatusConverter() : JsonStringEnumConverter<CheckStatus>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower);
