using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Metering.Cli.Workload;

namespace Metering.Cli.Replay;

/// <summary>The event time that replayed events bear.</summary>
public enum ReplayEventTime : byte
{
    /// <summary>The moment of publication.</summary>
    Now,

    /// <summary>The trace's own; only for traces that have dates.</summary>
    Trace,
}

/// <summary>What a replay adds to its trace.</summary>
public sealed record TraceOptions
{
    /// <summary>The source's id; null = from the file's name, without its folder and extensions.</summary>
    public string? Source { get; init; }

    /// <summary>The epoch, 1 or more; null = a hash of the content and of the options that shape the events.</summary>
    public long? Epoch { get; init; }

    /// <summary>Of requests whose trace names none.</summary>
    public string Tenant { get; init; } = "replay";

    /// <summary>Of requests whose trace names none; a model of the project's price list.</summary>
    public string Model { get; init; } = "gpt-4o-mini";

    /// <summary>Of requests whose trace names none.</summary>
    public string Route { get; init; } = "replay";

    /// <summary>
    /// Spreads the requests over this many tenants, <c>{Tenant}-1</c> the largest, by a Zipf law with exponent 1; null =
    /// each request keeps its own. 1 to <see cref="ZipfLaw.MaxRanks"/>.
    /// </summary>
    public int? Tenants { get; init; }

    /// <summary>Of all that is drawn by chance: tenants, and ServeGen's requests.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The event time that events bear.</summary>
    public ReplayEventTime EventTime { get; init; } = ReplayEventTime.Now;

    /// <summary>ServeGen only: this model's clients; null = all.</summary>
    public string? ServeGenModel { get; init; }

    /// <summary>ServeGen only: multiplies every client's rate; above 0. The published parameters make 1.7 billion requests over two weeks.</summary>
    public decimal ServeGenRate { get; init; } = 1;

    /// <summary>Stops after so many events; null = at the end. The events before it are the same with and without, so it is no part of the epoch.</summary>
    public long? Limit { get; init; }

    /// <summary>Every setting that is out of range, as a sentence with the fix.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Source is { Length: 0 })
            errors.Add("--source is empty; name it, or leave it out to take the file's name");
        if (Epoch is < 1)
            errors.Add($"--epoch is {Epoch}; give 1 or more");
        if (Tenant.Length == 0 || Model.Length == 0)
            errors.Add("--tenant and --model must not be empty: events without them are rejected");
        if (Tenants is < 1 or > ZipfLaw.MaxRanks)
            errors.Add($"--tenants is {Tenants}; give 1 to {ZipfLaw.MaxRanks}");
        if (ServeGenRate is <= 0 or > 1_000)
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"the rate is {ServeGenRate}; give a number above 0, at most 1000"));
        if (Limit is < 1)
            errors.Add($"the limit is {Limit}; give 1 or more");
        return errors;
    }

    /// <summary>
    /// Adds all that shapes the events to a hash. The leading number changes when this program would make other events
    /// of the same trace and options: they would be other events under a known identity.
    /// </summary>
    internal void AppendTo(IncrementalHash hash)
    {
        string?[] parts =
        [
            "replay-1", Tenant, Model, Route,
            Tenants?.ToString(CultureInfo.InvariantCulture), Seed.ToString(CultureInfo.InvariantCulture), EventTime.ToString(),
            ServeGenModel, ServeGenRate.ToString("0.#############################", CultureInfo.InvariantCulture),
        ];
        foreach (var part in parts)
        {
            // A length first, so that no two lists run together into one text; -1 tells "none" from "empty".
            var bytes = part is null ? null : Encoding.UTF8.GetBytes(part);
            hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes?.Length ?? -1}:")));
            hash.AppendData(bytes ?? []);
        }
    }
}
