using Metering.Benchmarks;
using Metering.Benchmarks.Backlog;
using Metering.Benchmarks.Broker;
using Metering.Benchmarks.Codec;
using Metering.Benchmarks.Disk;
using Metering.Benchmarks.Engine;
using Metering.Benchmarks.Gateways;
using Metering.Benchmarks.Gateways.Load;
using Metering.Benchmarks.Gateways.Processes;
using Metering.Benchmarks.Groups;
using Metering.Benchmarks.Hosts;
using Metering.Benchmarks.Loop;
using Metering.Benchmarks.Meter;
using Metering.Benchmarks.Native;
using Metering.Benchmarks.Policies;
using Metering.Benchmarks.Sink;
using Metering.LocalBroker.Tests.Conformance.Kit;

// Metering.Benchmarks [--json] [name…]: all benchmarks, or those named. Exit 1 if a goal is not met, 2 for an unknown name.
// The broker under measurement, members of groups, and what stands around the gateway are this program again, in processes of their own.
if (args is [BrokerChild.Command, var folder, var port, var durability])
    return await BrokerChild.RunAsync(folder, port, durability);
if (args is [GroupMember.Command, var brokers, var topic, var protocol, var instance])
    return GroupMember.Run(brokers, topic, protocol, instance);
if (args is [LoadChild.Command])
    return LoadChild.Run();
if (args is [YarpChild.Command, var upstream])
    return await YarpChild.RunAsync(upstream);
if (args is [ServicesChild.Command, var services])
    return await ServicesChild.RunAsync(services);

var benches = new Dictionary<string, Func<IReadOnlyList<Figure>>>(StringComparer.Ordinal)
{
    ["codec"] = CodecBench.Run,
    ["native"] = NativeBench.Run,
    ["disk"] = DiskBench.Run,
    ["meter"] = MeterBench.Run,
    ["policies"] = PolicyBench.Run,
    ["sink"] = SinkBench.Run,
    ["engine"] = EngineBench.Run,
    ["backlog"] = BacklogBench.Run,
    ["broker"] = BrokerBench.Run,
    ["group"] = GroupBench.Run,
    ["streamiz"] = HostBench.Run,
    ["gateway"] = GatewayBench.Run,
    ["loop"] = LoopBench.Run,
};

var json = args.Contains("--json", StringComparer.Ordinal);
var names = args.Where(argument => argument != "--json").ToList();
if (names.Find(name => !benches.ContainsKey(name)) is { } unknown)
{
    Console.Error.WriteLine($"There is no benchmark '{unknown}'; there are: {string.Join(", ", benches.Keys)}.");
    return 2;
}

var met = true;
foreach (var name in names.Count > 0 ? names : [.. benches.Keys])
{
    foreach (var figure in benches[name]())
    {
        FigureOutput.Print(figure, json);
        met &= figure.Met;
    }
}
return met ? 0 : 1;
