using Metering.Client;
using Metering.Client.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the publisher with a host.</summary>
public static class PublisherServiceCollectionExtensions
{
    /// <summary>Adds <see cref="ITokenEventPublisher"/>, started and closed by the host. Wrong options stop the host's start, all errors at once.</summary>
    public static IServiceCollection AddTokenEventPublisher(this IServiceCollection services, Action<PublisherOptions> configure)
    {
        services.AddOptions<PublisherOptions>().Configure(configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<HostedPublisher>();
        services.TryAddSingleton<ITokenEventPublisher>(s => s.GetRequiredService<HostedPublisher>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<HostedPublisher>());
        return services;
    }
}
