using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests;

internal static class Program
{
    /// <summary>The test runner; with <c>broker-child FOLDER PORT DURABILITY</c> a broker that runs until it is killed or its input ends.</summary>
    public static async Task<int> Main(string[] args)
    {
        if (args is [BrokerChild.Command, var folder, var port, var durability])
            return await BrokerChild.RunAsync(folder, port, durability);
        if (args.Contains("--server", StringComparer.Ordinal) || args.Contains("--internal-msbuild-node", StringComparer.Ordinal))
            return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
        // Clients block their threads while they wait, and the broker under test lives in the same pool.
        ThreadPool.SetMinThreads(64, 64);
        return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
    }
}
