using Metering.Gateway.Tests.Exchanges;

namespace Metering.Gateway.Tests;

internal static class Program
{
    /// <summary>The test runner; with <c>gateway-child FOLDER UPSTREAM</c> a gateway that serves until it is killed.</summary>
    public static async Task<int> Main(string[] args)
    {
        if (args is ["gateway-child", var folder, var upstream])
            return await GatewayChild.RunAsync(folder, upstream);
        if (args.Contains("--server", StringComparer.Ordinal) || args.Contains("--internal-msbuild-node", StringComparer.Ordinal))
            return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
        return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
    }
}
