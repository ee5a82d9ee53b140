using Metering.Events;
using Metering.Pipeline.Meter;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>A registry in memory that can be away, and that can learn of a schema late.</summary>
internal sealed class FakeRegistry : ISchemaSource
{
    public const int TokenEventId = 7;
    public const int SourceReportId = 8;
    public const int DeadLetterId = 9;
    public const int UsageDeltaId = 10;
    public const int SignalId = 12;

    public Dictionary<int, string> Schemas { get; } = new()
    {
        [TokenEventId] = TokenEvent.SchemaJson,
        [SourceReportId] = SourceReport.SchemaJson,
    };

    public bool IsAway { get; set; }

    /// <summary>How often each id was asked for.</summary>
    public Dictionary<int, int> Asked { get; } = [];

    public Task<string?> FindAsync(int schemaId, CancellationToken cancellationToken)
    {
        Asked[schemaId] = Asked.GetValueOrDefault(schemaId) + 1;
        return IsAway
            ? Task.FromException<string?>(new SchemaSourceAwayException("the registry does not answer"))
            : Task.FromResult(Schemas.GetValueOrDefault(schemaId));
    }
}
