using System.Globalization;
using Metering.Registry.Compatibility;
using Metering.Registry.Store;

namespace Metering.Registry.Service;

/// <summary>"May this schema be next?" without registering it, by the subject's level.</summary>
internal sealed class CompatibilityCalls(RegistryStore store)
{
    /// <summary>Against as many versions as the level asks for; a subject that is new takes anything.</summary>
    public async Task AllAsync(RegistryCall call)
    {
        var subject = call.Subject;
        var submitted = await SchemaBody.ReadAsync(call);
        var (level, versions) = Versions(subject);
        await AnswerAsync(call, CompatibilityChecker.Check(level, submitted.Schema, versions));
    }

    /// <summary>Against one version. Without the subject, <c>latest</c> is compatible and a number is not found, as in Confluent's.</summary>
    public async Task OneAsync(RegistryCall call)
    {
        var (subject, number) = (call.Subject, call.Version);
        var submitted = await SchemaBody.ReadAsync(call);
        var (level, versions) = Versions(subject);
        if (number is null)
            versions = [.. versions.TakeLast(1)];
        else
            versions = number <= versions.Length ? [versions[number.Value - 1]] : throw RegistryError.VersionNotFound(number.Value.ToString(CultureInfo.InvariantCulture));
        await AnswerAsync(call, CompatibilityChecker.Check(level, submitted.Schema, versions));
    }

    private (CompatibilityLevel Level, (int Version, string Text)[] Versions) Versions(string subject) => store.Read(state =>
        (state.EffectiveLevel(subject), state.VersionsOf(subject)?.Select(version => (version.Version, version.Schema.Text)).ToArray() ?? []));

    private static Task AnswerAsync(RegistryCall call, CompatibilityResult result) =>
        call.AnswerAsync(new CompatibleAnswer(result.IsCompatible, call.Flag("verbose") ? result.Messages : null), WireJson.Default.CompatibleAnswer);
}
