using System.Globalization;
using Metering.Registry.Store;
using Microsoft.Extensions.Logging;

namespace Metering.Registry.Service;

/// <summary>Subjects and their versions: list, get, register, look up.</summary>
internal sealed partial class SubjectCalls(RegistryStore store, ILogger logger)
{
    public Task ListAsync(RegistryCall call)
    {
        var prefix = call.Query("subjectPrefix") ?? "";
        var subjects = store.Read(state => state.Subjects.Where(subject => subject.StartsWith(prefix, StringComparison.Ordinal)).ToArray());
        return call.AnswerAsync(subjects, WireJson.Default.StringArray);
    }

    public Task VersionsAsync(RegistryCall call)
    {
        var subject = call.Subject;
        var versions = store.Read(state => state.VersionsOf(subject)?.Select(version => version.Version).ToArray());
        return call.AnswerAsync(versions ?? throw RegistryError.SubjectNotFound(subject), WireJson.Default.Int32Array);
    }

    public Task VersionAsync(RegistryCall call)
    {
        var version = Find(call);
        return call.AnswerAsync(Answer(version), WireJson.Default.VersionAnswer);
    }

    public Task VersionTextAsync(RegistryCall call) => call.AnswerTextAsync(Find(call).Schema.Text);

    public async Task RegisterAsync(RegistryCall call)
    {
        var subject = call.Subject;
        var submitted = await SchemaBody.ReadAsync(call);
        var (version, verdict, isNew) = await store.RegisterAsync(subject, submitted, call.Aborted);
        if (version is null)
            throw RegistryError.Incompatible(subject, verdict.Messages);
        if (isNew)
            LogRegistered(logger, subject, version.Version, version.Schema.Id);
        await call.AnswerAsync(new IdAnswer(version.Schema.Id, version.Version), WireJson.Default.IdAnswer);
    }

    public async Task LookUpAsync(RegistryCall call)
    {
        var subject = call.Subject;
        var submitted = await SchemaBody.ReadAsync(call);
        var versions = store.Read(state => state.VersionsOf(subject)?.ToArray()) ?? throw RegistryError.SubjectNotFound(subject);
        var version = Array.FindLast(versions, submitted.Is) ?? throw RegistryError.SchemaNotFound("Schema");
        await call.AnswerAsync(Answer(version), WireJson.Default.VersionAnswer);
    }

    private StoredVersion Find(RegistryCall call)
    {
        var (subject, number) = (call.Subject, call.Version);
        var versions = store.Read(state => state.VersionsOf(subject)?.ToArray()) ?? throw RegistryError.SubjectNotFound(subject);
        if (number is null)
            return versions[^1];
        return number <= versions.Length ? versions[number.Value - 1] : throw RegistryError.VersionNotFound(number.Value.ToString(CultureInfo.InvariantCulture));
    }

    private static VersionAnswer Answer(StoredVersion version) =>
        new(version.Subject, version.Schema.Id, version.Version, version.Schema.Text);

    [LoggerMessage(EventId = 8003, Level = LogLevel.Information, Message = "Registered {Subject} version {Version} as id {Id}")]
    private static partial void LogRegistered(ILogger logger, string subject, int version, int id);
}
