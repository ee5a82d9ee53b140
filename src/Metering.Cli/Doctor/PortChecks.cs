using System.Net;
using System.Net.Sockets;
using Metering.Cli.Settings;

namespace Metering.Cli.Doctor;

/// <summary>Whether the ports that <c>up</c> would serve are free.</summary>
internal static class PortChecks
{
    public static async Task<IReadOnlyList<CheckResult>> RunAsync(MeteringSettings settings, HttpClient client, CancellationToken cancellationToken)
    {
        var running = await IsRunningAsync(settings.Ports, client, cancellationToken);
        var results = new List<CheckResult>();
        if (settings.Kafka.Brokers is null)
            results.Add(Check("Kafka", KnownSettings.KafkaPort.Flag, settings.Ports.Kafka, settings.Ports.Listen, running));
        if (settings.RegistryUrl is null)
            results.Add(Check("registry", KnownSettings.RegistryPort.Flag, settings.Ports.Registry, settings.Ports.Listen, running));
        if (settings.ClickHouseUrl is null)
            results.Add(Check("ClickHouse", KnownSettings.ClickHousePort.Flag, settings.Ports.ClickHouse, settings.Ports.Listen, running));
        results.Add(Check("server", KnownSettings.ServerPort.Flag, settings.Ports.Server, settings.Ports.Listen, running));
        return results;
    }

    private static CheckResult Check(string part, string flag, int port, IPAddress listen, bool running)
    {
        var check = $"port {port} ({part})";
        if (port == 0)
            return CheckResult.Ok($"port of the {part}", "a free one is taken at start");
        try
        {
            using var listener = new TcpListener(listen, port);
            listener.Start();
            return CheckResult.Ok(check, "free");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return running
                ? CheckResult.Ok(check, "in use, and metering is running here")
                : CheckResult.Fail(check, "in use by another program", $"stop that program, or take another port by {flag} (0 = any free one)");
        }
        catch (SocketException e)
        {
            return CheckResult.Fail(check, $"cannot be listened on ({e.Message})", $"take another port by {flag}, or another address by {KnownSettings.Listen.Flag}");
        }
    }

    private static async Task<bool> IsRunningAsync(PortSettings ports, HttpClient client, CancellationToken cancellationToken)
    {
        if (ports.Server == 0)
            return false;
        try
        {
            var answer = await client.GetStringAsync(new Uri($"{ServiceUrl.Local(ports.Server).Address}/health/live"), cancellationToken);
            return answer.Contains("\"live\":true", StringComparison.Ordinal);
        }
        catch (HttpRequestException)
        {
            // Nothing of ours there; who holds the port, if anybody, is what the checks tell.
            return false;
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
