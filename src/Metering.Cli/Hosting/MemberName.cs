using Metering.Cli.Commands;
using Metering.Cli.Settings;

namespace Metering.Cli.Hosting;

/// <summary>
/// The name under which an <c>up</c> is a static member of its groups: one for each data folder, kept in it. After a kill -9
/// the next <c>up</c> on the folder takes its former self's place at once, where a dynamic member would wait until the
/// group has missed the dead one. The folder's lock sees to it that only one process bears the name; a copy of the folder
/// that runs at the same time is fenced by the group, and stops.
/// </summary>
internal static class MemberName
{
    /// <summary>The settings with the folder's name, unless one was given.</summary>
    /// <exception cref="CommandFailedException">The folder cannot be written.</exception>
    public static MeteringSettings Of(MeteringSettings settings) => settings.Kafka.GroupInstance is not null
        ? settings
        : settings with { Kafka = settings.Kafka with { GroupInstance = OfFolder(settings.Run.DataDirectory) } };

    private static string OfFolder(string folder)
    {
        var file = Path.Combine(folder, "member");
        try
        {
            // A name that was half written, or changed by hand to something else, is replaced: it is worth no more than a restart.
            if (File.Exists(file) && Guid.TryParseExact(File.ReadAllText(file), "N", out var known))
                return "up-" + known.ToString("N");
            var name = Guid.NewGuid().ToString("N");
            File.WriteAllText(file, name);
            return "up-" + name;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"the data folder {folder} cannot be used: {error.Message}", error);
        }
    }
}
