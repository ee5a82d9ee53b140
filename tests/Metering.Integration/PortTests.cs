using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Metering.ClickHouse.Embedded;
using Metering.Integration.Running;

namespace Metering.Integration;

/// <summary>A port that another program holds: a sentence that names the flag, not a stack trace.</summary>
public sealed class PortTests
{
    [Theory]
    [InlineData("--kafka-port")]
    [InlineData("--clickhouse-port")]
    [InlineData("--registry-port")]
    [InlineData("--server-port")]
    [InlineData("--gateway-port")]
    [InlineData("--host-port")]
    public async Task Up_on_a_port_that_is_taken_ends_with_1_and_names_the_flag(string flag)
    {
        Assert.SkipWhen(ChdbLibrary.TryFind() is null, "skipped: no embedded ClickHouse (METERING_LIBCHDB)");
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        var folder = Directory.CreateTempSubdirectory("metering-ports-");
        try
        {
            string[] ports = ["--kafka-port", "--clickhouse-port", "--registry-port", "--server-port", "--gateway-port", "--host-port"];
            var up = await MeteringProcess.RunAsync(["up", "--workload", "none", "--for", "20s", "--data", folder.FullName, .. ports.SelectMany(p => (string[])[p, p == flag ? port : "0"])]);

            Assert.Equal(1, up.ExitCode);
            Assert.Contains(flag, up.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", up.Error, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
