using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Exchanges;

/// <summary>
/// The gateway instances that have used this journal: a file beside it, a line each. Once the journal is recovered their ends are
/// told with the next events, so that what they had on loan is settled by what was metered (R29). Who is not in the file, or ran
/// before the machine last started (its journal may lack its last moments), is not told of: what it had stays charged until it is
/// written off. Any thread, but for the start.
/// </summary>
public sealed class FormerGateways
{
    private const string FileName = "gateways";
    private const string BootFile = "/proc/sys/kernel/random/boot_id";

    /// <summary>A gateway that restarts in a circle leaves no more lines than these.</summary>
    private const int MostRemembered = 64;

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly string _own;
    private readonly ILogger _log;
    private readonly List<string> _former = [];
    private volatile string? _next;

    private FormerGateways(string path, string own, ILogger log) => (_path, _own, _log) = (path, own, log);

    /// <summary>The one to be told of with the next event; null = none, or the journal is not recovered yet.</summary>
    public string? Next => _next;

    /// <summary>Reads who was there before, and adds this one: before it has a lease.</summary>
    /// <param name="folder">Of the journal, which no other process has open.</param>
    /// <param name="instance">This gateway's lease identity.</param>
    /// <param name="isIntact">Nothing of the journal was damaged or is too old to be sent: else those before are not told of.</param>
    public static FormerGateways Open(string folder, string instance, bool isIntact, ILogger log)
    {
        var boot = BootOf();
        var former = new FormerGateways(Path.Combine(folder, FileName), $"{instance} {boot}", log);
        if (boot.Length == 0)
            return former; // nothing could be proven by it
        if (isIntact)
            former.Read(boot);
        former.Write();
        return former;
    }

    /// <summary>All that they let go is in the journal now.</summary>
    internal void Recovered()
    {
        lock (_lock)
            _next = NameOf(_former.FirstOrDefault());
    }

    /// <summary>The journal has an event that tells of it.</summary>
    internal void Told(string instance)
    {
        lock (_lock)
        {
            if (_former.RemoveAll(line => string.Equals(NameOf(line), instance, StringComparison.Ordinal)) == 0)
                return;
            Write();
            _next = NameOf(_former.FirstOrDefault());
        }
    }

    private static string? NameOf(string? line) => line?[..line.IndexOf(' ', StringComparison.Ordinal)];

    private void Read(string boot)
    {
        try
        {
            if (File.Exists(_path))
                _former.AddRange(File.ReadLines(_path).Where(line => line.EndsWith(' ' + boot, StringComparison.Ordinal)).TakeLast(MostRemembered));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            GatewayLog.FormerGatewaysLost(_log, _path, e.Message);
        }
    }

    // A line too many is told twice, one too few never: either is safe.
    private void Write()
    {
        try
        {
            var temporary = string.Create(CultureInfo.InvariantCulture, $"{_path}.new");
            File.WriteAllLines(temporary, [.. _former, _own]);
            File.Move(temporary, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            GatewayLog.FormerGatewaysLost(_log, _path, e.Message);
        }
    }

    private static string BootOf()
    {
        try
        {
            return File.Exists(BootFile) ? File.ReadAllText(BootFile).Trim() : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
