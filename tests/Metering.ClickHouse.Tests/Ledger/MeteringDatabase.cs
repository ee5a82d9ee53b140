using System.Globalization;
using Metering.ClickHouse.Http;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;

namespace Metering.ClickHouse.Tests.Ledger;

/// <summary>The tests that share the one database named <c>metering</c> run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class MeteringDatabase
{
    public const string Name = "the database metering";

    /// <summary>An empty ledger with all migrations.</summary>
    public static async Task CreateAsync(ILedger ledger)
    {
        await DropAsync(ledger);
        await new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None);
    }

    public static Task DropAsync(ILedger ledger) => ledger.ExecuteAsync("DROP DATABASE IF EXISTS metering SYNC");

    /// <summary>Inserts one event for each line of values; what is left out is empty.</summary>
    public static Task InsertAsync(ILedger ledger, string columns, params string[] values) =>
        ledger.ExecuteAsync($"INSERT INTO metering.token_events ({columns}) VALUES {string.Join(", ", values.Select(line => $"({line})"))}");

    public static async Task<string> TextAsync(ILedger ledger, string sql) =>
        string.Join('\n', (await ledger.RowsAsync(sql)).Select(row => string.Join(' ', row)));

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Each backend, for theories.</summary>
    public static TheoryData<string> Backends => ["embedded", "server"];

    /// <summary>A backend by name; a server is the engine's own HTTP interface.</summary>
    public static async Task<(ILedger Ledger, IAsyncDisposable? Server)> OpenAsync(EngineFixture fixture, string backend)
    {
        if (backend == "embedded")
            return (fixture.Ledger, null);
        var server = await ClickHouseHttpServer.StartAsync(fixture.Engine, new ClickHouseHttpOptions { Port = 0 });
        return (new ServerLedger(server.Url.AbsoluteUri), server);
    }
}
