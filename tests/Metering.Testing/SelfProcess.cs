using System.Diagnostics;
using System.Reflection;

namespace Metering.Testing;

/// <summary>Starts this very test program again, however it was started: as itself, or as <c>dotnet X.dll</c>.</summary>
public static class SelfProcess
{
    public static ProcessStartInfo Start(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(Assembly.GetEntryAssembly()!.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }
}
