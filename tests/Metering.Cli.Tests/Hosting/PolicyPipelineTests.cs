using Metering.ClickHouse.Ledger;
using Metering.Cli.Chaos;
using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.Cli.Tests.Operators;
using Metering.Client;
using Metering.Events;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Cli.Tests.Hosting;

/// <summary>Policies as METER of a running pipeline has them.</summary>
public sealed class PolicyPipelineTests(OperatorServices services) : IClassFixture<OperatorServices>
{
    [Fact]
    public async Task R22_Meter_sums_up_what_policies_name_from_the_first_event_on_and_follows_a_change()
    {
        var console = services.Console();
        await console.RunAsync("policy", "apply", OperatorConsole.FileOf("policies: [ { name: two, match: { tenant: [blue, acme] }, limit: { tokens: 1, per: day, hard: true } } ]"));
        using var registry = services.Connect();
        await using var ledger = new ServerLedger("http://127.0.0.1:1/"); // METER alone asks nothing of it
        var settings = new MeteringSettings { Kafka = new() { Partitions = 2 }, Run = new() { Stages = Stages.Meter, DataDirectory = Directory.CreateTempSubdirectory("metering-policies-").FullName } };
        var kafka = services.KafkaOf(console.Prefix);

        await using (await PipelineHost.StartAsync(settings, kafka, registry, ledger, adopt: false, new ServiceWait(NullLogger.Instance, TimeProvider.System), NullLoggerFactory.Instance, TimeProvider.System, TestContext.Current.CancellationToken))
        {
            await using var publisher = await TokenEventPublisher.StartAsync(new PublisherOptions
            {
                Brokers = services.Brokers,
                Registry = services.Registry.ToString(),
                Source = "gateway-1",
                TopicPrefix = console.Prefix,
                DataFolder = settings.Run.DataDirectory,
            });
            for (var i = 0; i < 10; i++)
                Publish(publisher, i % 2 == 0 ? "acme" : "blue");
            await UntilAsync(kafka, "tenant=acme,blue", requests: 10);

            await console.RunAsync("policy", "apply", OperatorConsole.FileOf("policies: [ { name: team, match: { tenant: each, tag.team: each }, limit: { tokens: 1, per: day, hard: true } } ]"));
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken); // in force within a second
            for (var i = 0; i < 5; i++)
                Publish(publisher, "acme");
            await UntilAsync(kafka, "tenant=acme/tag.team=search", requests: 5);
            await UntilAsync(kafka, "tenant=acme,blue", requests: 15);
        }
        Directory.Delete(settings.Run.DataDirectory, recursive: true);
    }

    private static void Publish(TokenEventPublisher publisher, string tenant) => Assert.True(publisher.Publish(new TokenEvent
    {
        EventTimeMicros = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1_000,
        RequestId = Guid.NewGuid().ToString("N"),
        Tenant = tenant,
        Model = "small",
        InputTokens = 10,
        OutputTokens = 5,
        Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = "search" },
    }).Accepted);

    private static async Task UntilAsync(Metering.Kafka.KafkaSettings kafka, string scope, long requests)
    {
        ChaosUsage found = default;
        for (var look = 0; look < 60; look++)
        {
            var deltas = await ChaosDeltas.ReadAsync(kafka, NullLoggerFactory.Instance, TimeProvider.System, TestContext.Current.CancellationToken);
            found = deltas.GetValueOrDefault(scope);
            if (found.Requests == requests)
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken);
        }
        Assert.Fail($"{scope} has {found}, not {requests} requests");
    }
}
