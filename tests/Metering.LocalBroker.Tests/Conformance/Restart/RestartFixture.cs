using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Restart;

/// <summary>A broker of a test class's own in a process of its own, to be killed and started again on its port.</summary>
public abstract class RestartFixture : BrokerFixture
{
    /// <summary>How often a test kills it.</summary>
    public abstract int Kills { get; }

    /// <summary>kill -9.</summary>
    public abstract Task KillAsync();

    /// <summary>Starts it again; returns once it listens.</summary>
    public abstract Task ReviveAsync();
}

/// <summary>A real Kafka of our own. It takes seconds to come back.</summary>
public sealed class RealRestartFixture : RestartFixture
{
    private readonly OwnKafkaFixture _kafka = new();

    public override string Brokers => _kafka.Brokers;

    public override int Kills => 1;

    protected override async Task LaunchAsync() => await _kafka.InitializeAsync();

    public override Task KillAsync() => _kafka.ControlAsync("kill");

    public override Task ReviveAsync() => _kafka.ControlAsync("revive");

    public override ValueTask DisposeAsync() => _kafka.DisposeAsync();
}

/// <summary>Ours, acknowledging what is on disk.</summary>
public sealed class LocalRestartFixture() : LocalChildFixture(Durability.Disk);

/// <summary>Ours, acknowledging what the operating system has: kill -9 takes nothing of it.</summary>
public sealed class LocalProcessRestartFixture() : LocalChildFixture(Durability.Process);

public abstract class LocalChildFixture(Durability durability) : RestartFixture
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("metering-broker-");
    private BrokerChild? _child;
    private int _port;

    public override string Brokers => $"127.0.0.1:{_port}";

    public override int Kills => 5;

    protected override Task LaunchAsync() => ReviveAsync();

    public override Task KillAsync() => _child!.KillAsync();

    public override async Task ReviveAsync()
    {
        if (_child is not null)
            await _child.DisposeAsync();
        _child = await BrokerChild.StartAsync(_folder.FullName, _port, durability);
        _port = _child.Port;
    }

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_child is not null)
            await _child.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
