using Metering.Registry.Compatibility;
using Metering.Registry.Store;
using Microsoft.Extensions.Logging;

namespace Metering.Registry.Service;

/// <summary>Compatibility levels, global and of a subject, and the one mode that there is.</summary>
internal sealed partial class ConfigCalls(RegistryStore store, ILogger logger)
{
    public Task ModeAsync(RegistryCall call) => call.AnswerAsync(new ModeAnswer("READWRITE"), WireJson.Default.ModeAnswer);

    public Task GetGlobalAsync(RegistryCall call) => AnswerLevelAsync(call, store.Read(state => state.LevelOf(null))!.Value);

    public Task SetGlobalAsync(RegistryCall call) => SetAsync(call, null);

    public async Task DeleteGlobalAsync(RegistryCall call)
    {
        await store.SetLevelAsync(null, null, call.Aborted);
        await GetGlobalAsync(call);
    }

    public Task GetAsync(RegistryCall call)
    {
        var subject = call.Subject;
        var level = store.Read(state => call.Flag("defaultToGlobal") ? state.EffectiveLevel(subject) : state.LevelOf(subject));
        return AnswerLevelAsync(call, level ?? throw RegistryError.NoLevelOf(subject));
    }

    public Task SetAsync(RegistryCall call) => SetAsync(call, call.Subject);

    public async Task DeleteAsync(RegistryCall call)
    {
        var subject = call.Subject;
        var level = store.Read(state => state.LevelOf(subject)) ?? throw RegistryError.NoLevelOf(subject);
        await store.SetLevelAsync(subject, null, call.Aborted);
        await AnswerLevelAsync(call, level);
    }

    private async Task SetAsync(RegistryCall call, string? subject)
    {
        var request = await call.ReadAsync(WireJson.Default.LevelRequest);
        if (!CompatibilityLevels.TryParse(request.Compatibility, out var level))
            throw RegistryError.InvalidLevel();
        await store.SetLevelAsync(subject, level, call.Aborted);
        LogLevelSet(logger, subject ?? "all subjects", level);
        await call.AnswerAsync(new LevelSetAnswer(level.ToWireName()), WireJson.Default.LevelSetAnswer);
    }

    private static Task AnswerLevelAsync(RegistryCall call, CompatibilityLevel level) =>
        call.AnswerAsync(new LevelAnswer(level.ToWireName()), WireJson.Default.LevelAnswer);

    [LoggerMessage(EventId = 8004, Level = LogLevel.Information, Message = "Compatibility of {Subject} is now {Level}")]
    private static partial void LogLevelSet(ILogger logger, string subject, CompatibilityLevel level);
}
