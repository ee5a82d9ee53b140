using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Registry.Service;

/// <summary>Where the registry listens and where it keeps what it is told.</summary>
public sealed class RegistryOptions
{
    /// <summary>The address to listen on. Default: loopback, since the registry asks nobody who they are.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0–65535; 0 takes a free one. Default 8081, as Confluent's.</summary>
    public int Port { get; init; } = 8081;

    /// <summary>A path under which all calls are served too, such as <c>/apis/ccompat/v7</c>. Default: none.</summary>
    public string PathBase { get; init; } = "";

    /// <summary>The folder of the log of changes; created when it is not there. One process at a time.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The longest request body, in bytes; 1 KiB to 64 MiB. Default 1 MiB, of which a large schema takes a twentieth.</summary>
    public int MaxBodyBytes { get; init; } = 1024 * 1024;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <exception cref="ArgumentException">Names every setting that is out of its range.</exception>
    internal static void Validate(RegistryOptions options)
    {
        var errors = new List<string>();
        if (options.Port is < 0 or > IPEndPoint.MaxPort)
            errors.Add($"Port is {options.Port}: choose 0 to {IPEndPoint.MaxPort}");
        if (options.PathBase.Length > 0 && (options.PathBase[0] != '/' || options.PathBase[^1] == '/'))
            errors.Add($"PathBase is '{options.PathBase}': begin it with a slash and end it without");
        if (string.IsNullOrWhiteSpace(options.DataDirectory))
            errors.Add("DataDirectory is empty: name a folder");
        if (options.MaxBodyBytes is < 1024 or > 64 * 1024 * 1024)
            errors.Add($"MaxBodyBytes is {options.MaxBodyBytes}: choose 1024 to {64 * 1024 * 1024}");
        if (errors.Count > 0)
            throw new ArgumentException($"registry: {string.Join("; ", errors)}", nameof(options));
    }
}
