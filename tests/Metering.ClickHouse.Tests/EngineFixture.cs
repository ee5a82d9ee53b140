using System.Globalization;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;

[assembly: AssemblyFixture(typeof(Metering.ClickHouse.Tests.EngineFixture))]

namespace Metering.ClickHouse.Tests;

/// <summary>The one embedded engine of this test process (it can run only one) and a database for each test that asks.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    private static int _databases;

    private DirectoryInfo? _folder;
    private EmbeddedEngine? _engine;
    private EmbeddedLedger? _ledger;

    public EmbeddedEngine Engine
    {
        get
        {
            SkipWithoutLibrary();
            return _engine!;
        }
    }

    public EmbeddedLedger Ledger
    {
        get
        {
            SkipWithoutLibrary();
            return _ledger!;
        }
    }

    /// <summary>The real engine or no test of it: there is no stand-in.</summary>
    public static void SkipWithoutLibrary() =>
        Assert.SkipWhen(ChdbLibrary.TryFind() is null, "skipped: the embedded ClickHouse is not on this machine (./metering doctor)");

    public async Task<string> CreateDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await Engine.ExecuteAsync($"CREATE DATABASE {name}");
        return name;
    }

    public async ValueTask InitializeAsync()
    {
        // A child runs engines of its own, and a process runs one at a time.
        if (ChdbLibrary.TryFind() is null || ChildProcess.IsChild)
            return;
        _folder = Directory.CreateTempSubdirectory("metering-clickhouse-");
        _engine = await EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = _folder.FullName });
        _ledger = await EmbeddedLedger.OnAsync(_engine);
    }

    public async ValueTask DisposeAsync()
    {
        if (_engine is not null)
            await _engine.DisposeAsync();
        _folder?.Delete(recursive: true);
    }
}
