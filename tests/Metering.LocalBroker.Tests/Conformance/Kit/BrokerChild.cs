using System.Diagnostics;
using System.Globalization;
using System.Net;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>Our broker in a process of its own, to be killed and started again in the same folder and on the same port.</summary>
internal sealed class BrokerChild : IAsyncDisposable
{
    public const string Command = "broker-child";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    private BrokerChild(Process process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    /// <summary>Returns once it listens. The process ends by itself when this one is gone.</summary>
    /// <param name="port">0 takes a free one.</param>
    public static async Task<BrokerChild> StartAsync(string folder, int port, Durability durability)
    {
        var start = SelfProcess.Start(Command, folder, port.ToString(CultureInfo.InvariantCulture), durability.ToString());
        start.RedirectStandardOutput = start.RedirectStandardInput = start.RedirectStandardError = true;
        var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Patience);
        var line = await process.StandardOutput.ReadLineAsync(limit.Token);
        if (line?.StartsWith("listening ", StringComparison.Ordinal) == true)
            return new BrokerChild(process, IPEndPoint.Parse(line["listening ".Length..]).Port);
        var errors = await process.StandardError.ReadToEndAsync(limit.Token);
        process.Dispose();
        throw new InvalidOperationException($"the broker did not start: {line} {errors}");
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>A clean stop.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            using var limit = new CancellationTokenSource(Patience);
            await _process.WaitForExitAsync(limit.Token);
        }
        _process.Dispose();
    }

    /// <summary>The child's own side.</summary>
    public static async Task<int> RunAsync(string folder, string port, string durability)
    {
        var options = new LocalBrokerOptions
        {
            Directory = folder,
            Port = int.Parse(port, CultureInfo.InvariantCulture),
            Durability = Enum.Parse<Durability>(durability),
        };
        await using var server = await LocalBrokerServer.StartAsync(options, CancellationToken.None);
        Console.WriteLine($"listening {server.Endpoint}");
        await Console.In.ReadToEndAsync();
        return 0;
    }
}
