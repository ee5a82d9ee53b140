using System.Globalization;
using Metering.Client;
using Metering.Gateway.Admission;
using Metering.Gateway.Forwarding;
using Metering.Gateway.Hosting;
using Metering.Gateway.Keys;

namespace Metering.Gateway.Tests.Exchanges;

/// <summary>What the kill test kills: a gateway with a real publisher whose broker is away. Says its port on standard output.</summary>
internal static class GatewayChild
{
    public const string Source = "gateway-child";

    /// <summary>Leases every request, so that what a crash leaves is charged with its reservation.</summary>
    public const string LeasedModel = "leased";

    public static PublisherOptions Options(string folder) => new()
    {
        Brokers = "127.0.0.1:1",
        Registry = "http://127.0.0.1:1",
        Source = Source,
        DataFolder = folder,
        CloseTimeout = TimeSpan.Zero,
    };

    public static async Task<int> RunAsync(string folder, string upstream)
    {
        var publisher = await TokenEventPublisher.StartAsync(Options(folder));
        var keys = new InMemoryKeyDirectory();
        keys.Set(GatewayBench.Secret, new ApiKey { Id = "k_1", Tenant = "acme" });
        var gateway = await GatewayServer.StartAsync(
            new GatewayOptions { Port = 0, Upstreams = [new UpstreamOptions { Name = "mock", Url = new Uri(upstream) }], ProgressInterval = TimeSpan.FromMilliseconds(10) },
            new GatewayParts { Keys = keys, Admission = new Leases(), Journal = publisher });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"port {gateway.Port}"));
        await Task.Delay(Timeout.Infinite);
        return 0;
    }

    private sealed class Leases : IAdmission
    {
        public string? NotReady => null;

        public ValueTask<AdmissionResult> AdmitAsync(in AdmissionRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(AdmissionResult.Admitted(new Lease(request)));
    }

    private sealed class Lease(AdmissionRequest request) : Permit
    {
        public override string? LeaseId => request.Model == LeasedModel ? "l-1" : null;

        public override long AdmittedAtMicros => request.ArrivedAtMicros;

        public override long ReservedInputTokens => request.Prompt.Tokens();

        public override long ReservedOutputTokens => request.MaxOutputTokens ?? 4096;

        public override void Settle(in ActualUsage usage)
        {
            // The journal is what is tested.
        }
    }
}
