using Metering.Client.Tests.Spool;

namespace Metering.Client.Tests;

internal static class Program
{
    /// <summary>The test runner; with <c>spool-child FOLDER SEED</c> a process that appends until it is killed.</summary>
    public static async Task<int> Main(string[] args)
    {
        if (args is ["spool-child", var folder, var seed])
            return SpoolChild.Run(folder, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture));
        if (args.Contains("--server", StringComparer.Ordinal) || args.Contains("--internal-msbuild-node", StringComparer.Ordinal))
            return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
        return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
    }
}
